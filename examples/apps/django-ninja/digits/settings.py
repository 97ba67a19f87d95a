"""Of the whole Django project; the runtime adds the model's routes to its URLs."""

import os
import secrets

SECRET_KEY = os.environ.get("SECRET_KEY") or secrets.token_urlsafe(50)
ALLOWED_HOSTS = ["*"]
MIDDLEWARE = ["digits.middleware.timing"]
ROOT_URLCONF = "digits.urls"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]  # for Ninja's page
