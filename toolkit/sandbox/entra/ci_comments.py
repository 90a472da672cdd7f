"""Comments on pull requests, as GitHub's and Azure DevOps' REST APIs keep them.

* https://docs.github.com/rest/issues/comments: pages of at most 100, oldest first; a body over 65,536 characters is
  answered with 422
* https://learn.microsoft.com/rest/api/azure/devops/git/pull-request-threads

A pull request is there as soon as somebody writes to it: the sandbox keeps no repositories.
"""

from __future__ import annotations

import json
import re
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from toolkit.records import Json
from toolkit.sandbox.store import Store

_COMMENT, _THREAD = "ci-comment", "ci-thread"
_LIMIT = 65_536
_OF_ISSUE = re.compile(r"/repos/([\w.-]+/[\w.-]+)/issues/(\d+)/comments")
_ONE = re.compile(r"/repos/([\w.-]+/[\w.-]+)/issues/comments/(\d+)")
_THREADS = re.compile(
    r"/([^/]+/[^/]+)/_apis/git/repositories/([^/]+)/pullRequests/(\d+)/threads(?:/(\d+)/comments/(\d+))?", re.IGNORECASE
)


class CiComments:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def github(self, request: Request, where: str) -> Response | None:
        """What a token of the repository ``where`` gets; None for what is not about comments."""
        path, method = request.scope["path"], request.method
        listed, one = _OF_ISSUE.fullmatch(path), _ONE.fullmatch(path)
        asked = listed or one
        if asked is None:
            return None
        if asked[1].lower() != where:
            return JSONResponse({"message": "Not Found", "status": "404"}, status_code=404)
        if listed and method == "GET":
            size, page = (int(request.query_params.get(name, usual)) for name, usual in (("per_page", 30), ("page", 1)))
            found = self._of_issue(where, listed[2])
            return JSONResponse(found[(page - 1) * min(size, 100) : page * min(size, 100)])
        body = str(json.loads(await request.body()).get("body") or "")
        if not body or len(body) > _LIMIT:
            text = f"Body is too long (maximum is {_LIMIT} characters)" if body else "Body can't be blank"
            return JSONResponse({"message": "Validation Failed", "errors": [text], "status": "422"}, status_code=422)
        if listed and method == "POST":
            id_ = len(self._store.documents(_COMMENT)) + 1
            address = f"https://github.com/{asked[1]}/pull/{listed[2]}#issuecomment-{id_}"
            document = {"id": id_, "body": body, "html_url": address, "issue": listed[2]}
            self._store.put_document(_COMMENT, f"{where}:{id_:09}", document)
            return JSONResponse(document, status_code=201)
        if one and method == "PATCH":
            kept = self._store.document(_COMMENT, f"{where}:{int(one[2]):09}")
            if kept is None:
                return JSONResponse({"message": "Not Found", "status": "404"}, status_code=404)
            self._store.put_document(_COMMENT, f"{where}:{int(one[2]):09}", {**kept, "body": body})
            return JSONResponse({**kept, "body": body})
        return JSONResponse({"message": "Not Found", "status": "404"}, status_code=404)

    async def azure_devops(self, request: Request, where: str) -> Response | None:
        """The same of the project ``where``."""
        asked = _THREADS.fullmatch(unquote(request.scope["path"]))
        if asked is None:
            return None
        if asked[1].lower() != where:
            text = f"TF200016: The following project does not exist: {asked[1].partition('/')[2]}."
            return JSONResponse({"message": text}, status_code=404)
        place = f"{where}:{asked[2]}:{asked[3]}:"
        threads = [body for _, body in self._store.documents(_THREAD, place)]
        if request.method == "GET" and asked[4] is None:
            return JSONResponse({"value": threads, "count": len(threads)})
        sent = json.loads(await request.body())
        if request.method == "POST" and asked[4] is None:
            comments = [{**one, "id": number} for number, one in enumerate(sent["comments"], 1)]
            thread = {"id": len(threads) + 1, "status": sent.get("status"), "comments": comments, "isDeleted": False}
            self._store.put_document(_THREAD, f"{place}{thread['id']:09}", thread)
            return JSONResponse(thread)
        kept = self._store.document(_THREAD, f"{place}{int(asked[4] or 0):09}")
        if request.method == "PATCH" and kept is not None:
            for one in kept["comments"]:
                if one["id"] == int(asked[5]):
                    one["content"] = sent["content"]
            self._store.put_document(_THREAD, f"{place}{kept['id']:09}", kept)
            return JSONResponse(kept["comments"][int(asked[5]) - 1])
        return JSONResponse({"message": "The requested thread or comment could not be found."}, status_code=404)

    def _of_issue(self, where: str, number: str) -> list[Json]:
        return [body for _, body in self._store.documents(_COMMENT, f"{where}:") if body["issue"] == number]
