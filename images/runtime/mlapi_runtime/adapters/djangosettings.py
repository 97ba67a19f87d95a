"""Django's settings where the pod names none in DJANGO_SETTINGS_MODULE: no database, session, middleware."""

import secrets
import sys
from typing import Any, Final

# Signs cookies and tokens, of which nothing here makes any: no other process ever has to read them.
SECRET_KEY: Final = secrets.token_urlsafe(50)
ALLOWED_HOSTS: Final = ["*"]  # Services, routes and pods have many names; none of them is used in an answer
DATA_UPLOAD_MAX_MEMORY_SIZE: Final = None  # serving.maxRequestBytes holds, before Django sees the body
FILE_UPLOAD_MAX_MEMORY_SIZE: Final = sys.maxsize  # which is in memory then: not to be written to a disk
DEBUG_PROPAGATE_EXCEPTIONS: Final = True  # the guard logs them, and answers as on every framework

# Ninja's page from its own files: a cluster may not reach a CDN.
INSTALLED_APPS: Final = ["ninja"]
TEMPLATES: Final[list[dict[str, Any]]] = [
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}
]
STATIC_URL: Final = "/docs/static/"

# A client's error is no event of the server; requests are logged as `observability.logRequests` says.
LOGGING: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "loggers": {"django": {"handlers": [], "level": "ERROR"}, "django.request": {"level": "CRITICAL"}},
}
