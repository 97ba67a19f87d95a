"""An API whose URLs a module has taken before the runtime could add any."""

from django.urls import path
from ninja import NinjaAPI

api = NinjaAPI()
urlpatterns = [path("api/", api.urls)]
