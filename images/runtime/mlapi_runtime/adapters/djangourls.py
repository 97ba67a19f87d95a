"""Which view answers what: the user's project first, then the APIs of Ninja, all at the root."""

import mimetypes
from collections.abc import Callable, Iterable
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final, cast

import ninja
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, Resolver404, path, re_path, resolve, reverse
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.utils import normalize_path

from mlapi_runtime.adapters.djangohost import response_of
from mlapi_runtime.config import ConfigError
from mlapi_runtime.exchange import KEY
from mlapi_runtime.problems import unrouted
from mlapi_runtime.protocol import Protocol

View = Callable[..., Any]

ASSETS: Final = tuple(
    file for file in (Path(ninja.__file__).parent / "static" / "ninja").iterdir() if file.suffix != ".map"
)


def urlconf(
    theirs: ModuleType | None, protocol: Protocol | None, apis: Iterable[NinjaAPI], *, assets: bool
) -> ModuleType:
    """A root URLconf.

    Args:
        theirs: the project's, whose views and error pages go before any of ours.
        apis: served at `/`.
        assets: Ninja's page needs its files from here.
    """
    patterns: list[Any] = [*getattr(theirs, "urlpatterns", ())]
    if protocol is not None:
        patterns.insert(0, re_path(r"^v2(?:/|$)", _answering(protocol)))
    patterns += [path("", api.urls) for api in apis]
    if assets:
        patterns += [path(_asset_path(file).lstrip("/"), _giving(file)) for file in ASSETS]
    module = ModuleType("mlapi_urls")
    vars(module).update(urlpatterns=patterns)
    for status in (400, 403, 404, 500):
        name = f"handler{status}"
        setattr(module, name, getattr(theirs, name, _refusing(HTTPStatus(status))))
    return module


def project() -> ModuleType | None:
    """The URLconf of the user's settings, None if they name none.

    Raises:
        ConfigError: it cannot be imported.
    """
    name = getattr(settings, "ROOT_URLCONF", None)
    if name is None:
        return None
    try:
        return import_module(name)
    except Exception as error:
        raise ConfigError(f"ROOT_URLCONF: found {name}: {type(error).__name__}: {error}") from error


def mounted(api: NinjaAPI, theirs: ModuleType | None) -> bool:
    """Whether the project serves an API itself."""
    return theirs is not None and _address(api, "api-root", theirs) is not None


def taken(place: str, theirs: ModuleType | None, apis: Iterable[NinjaAPI]) -> bool:
    """Whether a path is the user's. In Django a path has one view, whatever the method."""
    if theirs is not None:
        try:
            resolve(place, theirs)
        except Resolver404:
            pass
        else:
            return True
    # Reading `urls` would bind the routers, and none could be added any more; this does not.
    return any(
        normalize_path(f"/{mount.prefix}/{route}") == place
        for api in apis
        for prefix, router in api._routers
        for mount in router.build_routers(prefix)
        for route in mount.template.path_operations
    )


def documentation(module: ModuleType, apis: Iterable[NinjaAPI], *, assets: bool) -> frozenset[str]:
    """Paths of the APIs' pages."""
    pages = (_address(api, name, module) for api in apis for name in ("openapi-json", "openapi-view"))
    files = map(_asset_path, ASSETS) if assets else ()
    return frozenset((*filter(None, pages), *files))


def _address(api: NinjaAPI, name: str, module: ModuleType) -> str | None:
    try:
        return str(reverse(f"{api.urls_namespace}:{name}", urlconf=module))
    except NoReverseMatch:
        return None


def _asset_path(file: Path) -> str:
    return f"{settings.STATIC_URL}ninja/{file.name}"


def _answering(protocol: Protocol) -> View:
    async def v2(request: HttpRequest) -> HttpResponse:
        headers, exchange = request.scope["headers"], request.scope.get(KEY)
        return response_of(await protocol.answer(request.method, request.path_info, headers, exchange))

    return cast("View", csrf_exempt(v2))


def _giving(file: Path) -> View:
    def give(request: HttpRequest) -> HttpResponse:
        return HttpResponse(file.read_bytes(), content_type=mimetypes.guess_type(file.name)[0])

    return give


def _refusing(status: HTTPStatus) -> View:
    def refused(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
        return response_of(unrouted(request.method, request.path, status, status.phrase, None))

    return refused
