"""Django's settings for one middleware, which is not written for async views, as most are not."""

SECRET_KEY = "of no use"
ALLOWED_HOSTS = ["127.0.0.1"]
MIDDLEWARE = ["project.views.stamp"]
