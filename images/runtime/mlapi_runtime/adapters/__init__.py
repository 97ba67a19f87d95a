"""A module per framework; each has `application(engine)`, an ASGI application with the native `/predict`."""
