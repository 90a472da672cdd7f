"""Fetch a CSV from a blob container, fit a linear model to its last column, score it, and put the results back.

Runs on a bare Linux node of Azure Batch: the standard library only, and a token of the node's identity from the
instance metadata service (https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token).
The factory would take an at sign before a brace for one of its own expressions, so there is none in here.
"""

# ruff: noqa: S310 -- both addresses are fixed by the pipeline, and nothing but the standard library is there
import argparse
import csv
import io
import json
import os
import urllib.error
import urllib.parse
import urllib.request

METADATA = "http://169.254.169.254/metadata/identity/oauth2/token"
RIDGE = 1e-9  # keeps the equations solvable when a feature is constant


def token(client_id):
    query = urllib.parse.urlencode(
        {"api-version": "2018-02-01", "resource": "https://storage.azure.com/", "client_id": client_id}
    )
    request = urllib.request.Request(f"{METADATA}?{query}", headers={"Metadata": "true"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)["access_token"]


class Container:
    def __init__(self, url, bearer):
        self.url = url.rstrip("/")
        self.headers = {"Authorization": f"Bearer {bearer}", "x-ms-version": "2023-11-03"}

    def read(self, path):
        return self._send("GET", path, None, {}).decode("utf-8")

    def write(self, path, text):
        self._send("PUT", path, text.encode("utf-8"), {"x-ms-blob-type": "BlockBlob"})

    def _send(self, method, path, data, headers):
        url = f"{self.url}/{urllib.parse.quote(path)}"
        request = urllib.request.Request(url, data=data, method=method, headers={**self.headers, **headers})
        try:
            with urllib.request.urlopen(request, timeout=300) as response:
                return response.read()
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{method} {url}: {error.code} {error.headers.get('x-ms-error-code')}") from error


def solve(matrix, vector):
    """Gaussian elimination with pivoting."""
    rows = [[*row, value] for row, value in zip(matrix, vector, strict=True)]
    size = len(rows)
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(rows[row][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for row in range(size):
            if row != column:
                factor = rows[row][column] / rows[column][column]
                rows[row] = [a - factor * b for a, b in zip(rows[row], rows[column], strict=True)]
    return [rows[index][size] / rows[index][index] for index in range(size)]


def train(features, targets):
    """Least squares by the normal equations; the first weight is the intercept."""
    inputs = [[1.0, *row] for row in features]
    size = len(inputs[0])
    matrix = [
        [sum(row[i] * row[j] for row in inputs) + (RIDGE if i == j else 0.0) for j in range(size)] for i in range(size)
    ]
    vector = [sum(row[i] * target for row, target in zip(inputs, targets, strict=True)) for i in range(size)]
    return solve(matrix, vector)


def predict(weights, features):
    return [
        weights[0] + sum(weight * value for weight, value in zip(weights[1:], row, strict=True)) for row in features
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--container", required=True, help="address of the container")
    parser.add_argument("--client-id", required=True, help="identity of the node to act as")
    parser.add_argument("--data", required=True, help="path of the CSV in the container; has a header")
    parser.add_argument("--output", required=True, help="folder in the container for model, predictions and metrics")
    options = parser.parse_args()

    container = Container(options.container, token(options.client_id))
    header, *rows = csv.reader(io.StringIO(container.read(options.data)))
    values = [[float(value) for value in row] for row in rows if row]
    if len(values) < 2 or len(header) < 2:
        raise SystemExit(f"{options.data} needs a header, two columns and two rows at least")
    features, targets = [row[:-1] for row in values], [row[-1] for row in values]

    weights = train(features, targets)
    predictions = predict(weights, features)
    error = sum((target - guess) ** 2 for target, guess in zip(targets, predictions, strict=True)) / len(targets)

    # Which version of the code asset was current when this began: the pipeline read it from the pointer.
    current = {"code_asset": os.environ.get("CODE_ASSET"), "code_asset_version": os.environ.get("CODE_ASSET_VERSION")}
    model = {"features": header[:-1], "target": header[-1], "weights": weights, **current}
    metrics = {"data": options.data, "rows": len(targets), "mean_squared_error": error, **current}
    container.write(f"{options.output}/model.json", json.dumps(model))
    container.write(f"{options.output}/predictions.csv", "\n".join(["prediction", *map(str, predictions)]) + "\n")
    container.write(f"{options.output}/metrics.json", json.dumps(metrics))
    print(json.dumps(metrics))


if __name__ == "__main__":
    main()
