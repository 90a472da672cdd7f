"""Jobs of Azure ML from the outside: submitted from YAML, waited for, their log shown, cancelled."""
