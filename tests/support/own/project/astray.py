"""Settings that name URLs which are not there."""

SECRET_KEY = "of no use"
ROOT_URLCONF = "nowhere.urls"
