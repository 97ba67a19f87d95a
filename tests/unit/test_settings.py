"""The operator starts with settings that it can work with, or says which variable is wrong."""

import pytest

from mlapi_operator.settings import Settings, SettingsError

POD = {"POD_NAMESPACE": "mlapi-system", "POD_NAME": "mlapi-operator-0"}
DIGEST = "registry.example.com/fastapi@sha256:" + "ab" * 32


def test_settings_of_a_bare_environment_are_the_documented_defaults() -> None:
    settings = Settings.from_environment(POD | {"PATH": "/bin", "MLAPI_WATCH_NAMESPACES": ""})
    assert settings.watch_namespaces == ()
    assert settings.fetch.max_bytes == 107374182400
    assert (settings.lease_duration_seconds, settings.lease_renew_seconds) == (15.0, 5.0)
    assert (settings.namespace, settings.pod_name) == ("mlapi-system", "mlapi-operator-0")


def test_settings_of_a_full_environment_hold_every_value() -> None:
    settings = Settings.from_environment(
        POD
        | {
            "MLAPI_WATCH_NAMESPACES": "team-a, team-b",
            "MLAPI_IMAGES_FASTAPI": DIGEST,
            "MLAPI_IMAGES_LITESTAR": DIGEST.replace("fastapi", "litestar"),
            "MLAPI_IMAGES_DJANGONINJA": DIGEST.replace("fastapi", "django-ninja"),
            "MLAPI_FETCH_ALLOWED_CIDRS": "10.0.0.0/8,fd00::/8",
            "MLAPI_FETCH_CA_CONFIG_MAP": "models-ca",
            "MLAPI_FETCH_MAX_BYTES": "1024",
            "MLAPI_SAMPLING_SECONDS": "2",
            "MLAPI_LATENCY_WINDOW_SECONDS": "60",
            "MLAPI_STATUS_WRITES_PER_SECOND": "0.5",
            "MLAPI_RESYNC_SECONDS": "60",
            "MLAPI_LEASE_DURATION_SECONDS": "6",
            "MLAPI_LEASE_RENEW_SECONDS": "2",
            "MLAPI_LOG_LEVEL": "DEBUG",
            "MLAPI_LOG_FORMAT": "Plain",
            "MLAPI_PORT": "9000",
        }
    )
    assert settings.model_dump() == {
        "watch_namespaces": ("team-a", "team-b"),
        "images": {
            "fastapi": DIGEST,
            "litestar": DIGEST.replace("fastapi", "litestar"),
            "djangoninja": DIGEST.replace("fastapi", "django-ninja"),
        },
        "fetch": {
            "allowed_cidrs": ("10.0.0.0/8", "fd00::/8"),
            "ca_config_map": "models-ca",
            "max_bytes": 1024,
        },
        "sampling_seconds": 2.0,
        "latency_window_seconds": 60,
        "status_writes_per_second": 0.5,
        "resync_seconds": 60.0,
        "lease_duration_seconds": 6.0,
        "lease_renew_seconds": 2.0,
        "log_level": "DEBUG",
        "log_format": "Plain",
        "port": 9000,
        "namespace": "mlapi-system",
        "pod_name": "mlapi-operator-0",
    }


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("MLAPI_RESYNC", "60", "MLAPI_RESYNC: unknown; wanted MLAPI_WATCH_NAMESPACES"),
        ("MLAPI_IMAGES_FASTAPI", "fastapi:v1", "MLAPI_IMAGES_FASTAPI: found 'fastapi:v1'"),
        ("MLAPI_IMAGES_DJANGO_NINJA", DIGEST, "unknown; wanted MLAPI_WATCH_NAMESPACES"),
        (
            "MLAPI_FETCH_ALLOWED_CIDRS",
            "10.0.0.1/8",
            "found '10.0.0.1/8', wanted a network such as 10.0.0.0/8",
        ),
        ("MLAPI_FETCH_MAX_BYTES", "1GiB", "MLAPI_FETCH_MAX_BYTES: found '1GiB'"),
        ("MLAPI_LOG_LEVEL", "verbose", "MLAPI_LOG_LEVEL: found 'verbose', wanted 'DEBUG', 'INFO'"),
        ("MLAPI_PORT", "0", "MLAPI_PORT: found '0', wanted at least 1"),
        ("MLAPI_LEASE_RENEW_SECONDS", "8", "found 8, wanted at most half of MLAPI_LEASE_DURATION_SECONDS"),
        ("POD_NAME", "", "POD_NAME: missing"),
    ],
)
def test_settings_of_an_unusable_variable_are_refused_naming_found_and_wanted(
    name: str, value: str, words: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(POD | {name: value})
    assert words in str(caught.value)
