from django.http import HttpRequest, JsonResponse
from django.urls import path

from digits.api import WORDS


async def languages(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"languages": sorted(WORDS)})


urlpatterns = [path("languages", languages)]
