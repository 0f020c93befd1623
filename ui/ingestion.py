"""REST for taking things in: files and URLs in the background, what failed, and what there is."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Any, BinaryIO

from fastapi import Body, FastAPI, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException as StarletteHTTPException

from index.errors import UnreadableInputError
from index.types import Statistics
from rag.chat import Assistant, check_filters
from ui.jobs import MOST_INPUTS, Job, Jobs, Uploads
from ui.openapi import INGEST_REQUEST, RETRY_EXAMPLES, replies
from ui.paging import add_links
from ui.schemas import (
    FailedInput,
    FailurePage,
    Ingestion,
    Retry,
    StatisticsQuery,
    Urls,
    sendable,
)

_NEITHER = (
    "The body must be files, as multipart/form-data, or URLs, as JSON: "
    'add the header `content-type: application/json` to {"urls": [...]}.'
)


def add_ingestion(app: FastAPI, assistant: Assistant, jobs: Jobs) -> None:
    """Add the endpoints; the jobs end with the application."""
    app.router.lifespan_context = _ending(app.router.lifespan_context, jobs)
    _add_ingestions(app, jobs)
    _add_failures(app, jobs)

    @app.get("/v1/statistics", tags=["articles"], responses=replies("statistics", 422, 503))
    def statistics(query: Annotated[StatisticsQuery, Query()]) -> Statistics:
        """Articles by date, outlet and language, and how many copies and revisions there are."""
        filters = query.filters()
        check_filters(filters)
        return assistant.archive.statistics(query.interval, filters)


def _add_ingestions(app: FastAPI, jobs: Jobs) -> None:
    @app.post(
        "/v1/ingestions",
        tags=["ingestion"],
        status_code=202,
        response_model=Ingestion,
        responses=replies("ingest", 400, 413, 415, 422, 429, 503),
        openapi_extra=INGEST_REQUEST,
    )
    async def ingest(request: Request, response: Response) -> Ingestion:
        """Take in files, or URLs of pages, feeds and sitemaps; `Location` tells how far it has come.

        One ingestion runs at a time, the others wait. What is taken in already is `unchanged`.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            job = await _of_files(request, jobs)
        elif kind == "application/json":
            job = await run_in_threadpool(jobs.take_urls, (await _urls(request)).urls)
        else:
            raise HTTPException(415, _NEITHER)
        return _told(job, response)

    @app.get("/v1/ingestions", tags=["ingestion"], responses=replies("ingestions"))
    async def list_ingestions() -> list[Ingestion]:
        """The ingestions that this process knows, the newest first."""
        return [Ingestion.of(job) for job in jobs.all()]

    @app.get("/v1/ingestions/{id}", tags=["ingestion"], responses=replies("ingestion", 404))
    async def show_ingestion(id: str) -> Ingestion:
        """How far one has come. Known to the process that took it, until it ends."""
        return Ingestion.of(jobs.get(id))

    @app.delete("/v1/ingestions/{id}", tags=["ingestion"], responses=replies("ingestion", 404))
    async def cancel_ingestion(id: str) -> Ingestion:
        """Cancel one: what is stored stays, the rest is not taken in. One that has ended stays as it is."""
        return Ingestion.of(jobs.cancel(id))


def _add_failures(app: FastAPI, jobs: Jobs) -> None:
    @app.get("/v1/failures", tags=["ingestion"], responses=replies("failures", 422))
    def list_failures(
        request: Request,
        response: Response,
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> FailurePage:
        """URLs, and files of this machine, that failed when they were last read."""
        failures = jobs.failures()
        add_links(request, response, total=len(failures), offset=offset, limit=limit)
        return FailurePage(
            total=len(failures),
            offset=offset,
            limit=limit,
            failures=[
                FailedInput(input=sendable(f.input), where=sendable(f.place), reason=sendable(f.reason))
                for f in failures[offset : offset + limit]
            ],
        )

    @app.post(
        "/v1/failures/retry",
        tags=["ingestion"],
        status_code=202,
        responses=replies("ingest", 400, 404, 413, 422, 429, 503),
    )
    def retry(
        response: Response,
        wanted: Annotated[Retry | None, Body(openapi_examples=RETRY_EXAMPLES)] = None,
    ) -> Ingestion:
        """Take in again what failed: all of it, or the inputs that are named."""
        return _told(jobs.retry(wanted.inputs if wanted else ()), response)

    @app.delete("/v1/failures", tags=["ingestion"], status_code=204, responses=replies("forget", 404, 422))
    def forget(input: Annotated[str, Query(max_length=5000, description="As in the list.")]) -> Response:
        """Do not list the failures of an input any more."""
        jobs.forget(input)
        return Response(status_code=204)


def _told(job: Job, response: Response) -> Ingestion:
    response.headers["location"] = f"/v1/ingestions/{job.id}"
    return Ingestion.of(job)


async def _urls(request: Request) -> Urls:
    body = await request.body()
    try:
        return Urls.model_validate(json.loads(body))
    except json.JSONDecodeError as error:
        where = ("body", error.pos)
        found = [{"type": "json_invalid", "loc": where, "msg": "", "ctx": {"error": error.msg}}]
        raise RequestValidationError(found) from None
    except ValidationError as error:
        raise RequestValidationError(
            [{**finding, "loc": ("body", *finding["loc"])} for finding in error.errors(include_url=False)]
        ) from None
    except (ValueError, RecursionError):
        raise HTTPException(400) from None


async def _of_files(request: Request, jobs: Jobs) -> Job:
    try:
        async with request.form(max_files=MOST_INPUTS, max_fields=0) as form:
            files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
            return await run_in_threadpool(_kept, [(f.filename or "", f.file) for f in files], jobs)
    except StarletteHTTPException as error:
        if error.status_code != 400:
            raise
        raise UnreadableInputError(
            f"the form cannot be read: {error.detail.removesuffix('.')}. Send nothing but files."
        ) from None


def _kept(files: list[tuple[str, BinaryIO]], jobs: Jobs) -> Job:
    uploads = Uploads()
    try:
        for name, file in files:
            uploads.add(name, file)
    except OSError as error:
        uploads.remove()
        raise UnreadableInputError(
            f"the files cannot be kept ({error.strerror}): nothing was taken in."
        ) from None
    except BaseException:
        uploads.remove()
        raise
    return jobs.take_files(uploads)


def _ending(
    lifespan: Callable[[Any], AbstractAsyncContextManager[Any]], jobs: Jobs
) -> Callable[[Any], AbstractAsyncContextManager[Any]]:
    @asynccontextmanager
    async def both(app: Any) -> AsyncIterator[Any]:
        async with lifespan(app) as state:
            try:
                yield state
            finally:
                await run_in_threadpool(jobs.close)

    return both
