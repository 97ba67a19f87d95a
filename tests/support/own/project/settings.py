"""A Django project with a database, a middleware of its own and an API below `/api/`."""

SECRET_KEY = "of no use"
ALLOWED_HOSTS = ["127.0.0.1"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
MIDDLEWARE = ["django.middleware.common.CommonMiddleware", "project.views.stamp"]
ROOT_URLCONF = "project.urls"
