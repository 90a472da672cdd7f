"""Jobs that are refused before anything runs, and commands that have lost their workspace; for test_jobs.py."""

from __future__ import annotations

YAML = """\
$schema: https://azuremlschemas.azureedge.net/latest/commandJob.schema.json
command: python train.py ${{inputs.rate}} ${{inputs.data}}
code: src
environment: azureml:train:1
compute: azureml:cpu
experiment_name: tests
inputs:
  rate: 0.1
  data:
    type: uri_folder
    path: azureml:jobs-iris@latest
"""

# what is wrong -> (the file, what is said, options)
REFUSED: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "no job at all": ("- 1\n- 2\n", "is no job", ()),
    "broken: [": ("broken: [", "is no job", ()),
    "an unknown key": (YAML + "comand: x\n", "is no job", ()),
    "no command": (YAML.replace("command:", "description:"), "train.yml", ()),
    "an unknown input": (YAML, "did you mean 'rate'?", ("-i", "rat=1")),
    "no pair": (YAML, "not name=value", ("-i", "rate")),
    "no such data": (YAML.replace("jobs-iris@latest", "none:1"), "was not submitted", ()),
    "no such environment": (YAML.replace("train:1", "train:9"), "was not submitted", ()),
    "no such compute": (
        YAML.replace("azureml:cpu", "azureml:none"),
        "The compute 'none' could not be found. (4",
        (),
    ),
    "no such code": (YAML.replace("src", "nowhere"), "is no job: code: Can't find directory or file in", ()),
    "a limit that is no number": (
        YAML + "limits: {timeout: soon}\n",
        "job: limits.timeout: Not a valid integer.",
        (),
    ),
    "another kind of job": (YAML + "type: sweep\n", "is no job: objective: Missing data for required field.; ", ()),
}

NEED_A_WORKSPACE = (
    "assets register local gone-code --path {src}",
    "assets publish local gone-code --version 1",
    "jobs submit local {yaml}",
    "jobs show local some-job",
    "jobs logs local some-job",
)
