"""`HttpWebhook` posts notifications over HTTP."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import aiohttp

from engine.messaging.notification import Notification, NotReceived, signature
from engine.telemetry.spans import span

POST_LIFETIME: Final = 10.0
"""A post is given up after this many seconds, from the look-up of the host to the status of the answer."""


class HttpWebhook:
    """Implements `Webhook`: a 2xx is success. It follows no redirect: a signed body goes only where the settings say.

    It connects with the first post; call `close` at the end.
    """

    def __init__(self, url: str, secret: str, clock: Callable[[], datetime], lifetime: float = POST_LIFETIME) -> None:
        self._url = url
        self._secret = secret
        self._clock = clock
        self._timeout = aiohttp.ClientTimeout(total=lifetime)
        self._session: aiohttp.ClientSession | None = None

    async def post(self, notification: Notification) -> None:
        with span("POST", kind="client", attributes={"http.request.method": "POST"}) as its_span:
            status = await self._posted(notification, its_span.traceparent or notification.traceparent)
            its_span.set({"http.response.status_code": status})
            if not 200 <= status < 300:
                raise NotReceived(f"the receiver answered {status}")

    async def _posted(self, notification: Notification, traceparent: str) -> int:
        """Returns the status of the answer."""
        headers = {
            "Content-Type": "application/json",
            "X-Event-Id": notification.event_id,
            "X-Signature": signature(self._secret, int(self._clock().timestamp()), notification.body),
            "traceparent": traceparent,
        }
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar())
        try:
            async with self._session.post(
                self._url, data=notification.body, headers=headers, allow_redirects=False
            ) as answer:
                return answer.status
        except aiohttp.InvalidURL:
            raise NotReceived("NOTIFICATIONS_WEBHOOK is no URL that can be posted to") from None
        except TimeoutError:
            raise NotReceived(f"the receiver has not answered for {self._timeout.total:g} s") from None
        except aiohttp.ClientResponseError:
            # Its text has the URL, whose query may be a key.
            raise NotReceived("what the receiver answers is no HTTP") from None
        except (aiohttp.ClientError, OSError) as error:
            # Without its cause: a parked message keeps the trace of its error, and request errors hold the headers.
            raise NotReceived(f"no answer from the receiver: {type(error).__name__}: {error}") from None

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()
