"""What has to hold before anything is touched: ``toolkit doctor ENV``.

``registry.py`` lists the checks, ``checks/`` has one module per concern, ``context.py`` is what they work with,
``run.py`` runs them on the engine of toolkit/checks, and ``fixes.py`` mends what is safe to mend. All of it only reads.

What an apply would do is taken from the data, as Terraform itself evaluates it without a provider
(toolkit/terraform/declared.py): so an environment that was never applied can be asked about, and nothing is stored.
"""
