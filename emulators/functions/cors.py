"""CORS as the Core Tools do it from the `Host` section of `local.settings.json`."""

from dataclasses import dataclass

from aiohttp import web


@dataclass(frozen=True)
class Cors:
    """Which origins may call; `*` allows every one. Without origins nothing is added or answered."""

    origins: tuple[str, ...]
    credentials: bool

    def headers(self, request: web.BaseRequest) -> dict[str, str]:
        """The headers to add to the answer of a request."""
        origin = request.headers.get("Origin")
        if origin is None or not self._allows(origin):
            return {}
        everyone = "*" in self.origins and not self.credentials
        headers = {"Access-Control-Allow-Origin": "*" if everyone else origin}
        if not everyone:
            headers["Vary"] = "Origin"
        if self.credentials:
            headers["Access-Control-Allow-Credentials"] = "true"
        return headers

    def preflight(self, request: web.BaseRequest) -> web.Response | None:
        """The answer to a preflight request of an allowed origin; None for every other request."""
        wanted = request.headers.get("Access-Control-Request-Method")
        headers = self.headers(request)
        if request.method != "OPTIONS" or wanted is None or not headers:
            return None
        headers["Access-Control-Allow-Methods"] = wanted
        if "Access-Control-Request-Headers" in request.headers:
            headers["Access-Control-Allow-Headers"] = request.headers["Access-Control-Request-Headers"]
        return web.Response(status=204, headers=headers)

    def _allows(self, origin: str) -> bool:
        return "*" in self.origins or origin.lower() in (each.lower() for each in self.origins)
