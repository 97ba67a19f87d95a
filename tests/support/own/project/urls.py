from django.urls import path

from . import views

urlpatterns = [path("api/", views.api.urls), path("blank", views.blank), path("fail", views.fail)]
