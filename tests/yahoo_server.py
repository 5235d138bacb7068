"""A local server that answers as Yahoo's chart address does, and the real yfinance client pointed at it."""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pandas as pd

HOSTS = ("https://query1.finance.yahoo.com", "https://query2.finance.yahoo.com", "https://finance.yahoo.com")


class Yahoo:
    """What the server knows: `closes` by symbol (adjusted), and how often and how a symbol misbehaves.

    Attributes
    ----------
    closes : dict of str to Series
        Adjusted closes on midnights of `zone`; NaN is sent as null, a day that is not there is not sent.
    paid : dict of str to Series
        Closes as they were paid, where they differ from the adjusted ones.
    splits : dict of str to str
        The day of a two-for-one split.
    trouble : dict of str to list
        Answers given before the right one, the last one for ever when followed by `...`:
        429, "cut" (half a body), "garbled" (half of the json), "html", 500, "silent" (no answer at all).
    asked : list of str
        Symbols of all price requests so far, in order.
    """

    def __init__(self, zone: str = "America/New_York"):
        self.zone, self.closes, self.paid, self.splits, self.trouble, self.asked = zone, {}, {}, {}, {}, []
        self.hold = threading.Event()  # while cleared, answers wait
        self.hold.set()
        yahoo = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                yahoo.answer(self)

            def do_CONNECT(self):  # nothing leaves this machine
                self.send_error(403)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        place, options = urlsplit(request.path), parse_qs(urlsplit(request.path).query)
        if not place.path.startswith("/v8/finance/chart/"):
            return self._send(request, 404, {"quoteSummary": {"result": None, "error": {"code": "Not Found"}}})
        symbol = unquote(place.path.rsplit("/", 1)[1])
        if "range" in options:  # the client asks for the time zone alone
            return self._send(request, *self._chart(symbol, 0, 2**33))
        self.asked.append(symbol)
        self.hold.wait()
        trouble = self.trouble.get(symbol, [])
        kind = (trouble[0] if trouble[1:] == [...] else trouble.pop(0)) if trouble else None
        if kind == "silent":
            threading.Event().wait()
        if isinstance(kind, int):
            return self._send(request, kind, "Too Many Requests" if kind == 429 else "<html>error</html>")
        status, body = self._chart(symbol, int(options["period1"][0]), int(options["period2"][0]))
        if kind == "html":
            return self._send(request, 200, "<html>Will be right back</html>")
        if kind == "garbled":
            return self._send(request, status, json.dumps(body)[:len(json.dumps(body)) // 2])
        return self._send(request, status, body, cut=kind == "cut")

    def _send(self, request: BaseHTTPRequestHandler, status: int, body: dict | str, cut: bool = False) -> None:
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[:len(body) // 2] if cut else body)
        if cut:
            request.close_connection = True

    def _chart(self, symbol: str, first: int, last: int) -> tuple[int, dict]:
        if symbol not in self.closes:
            return 404, {"chart": {"result": None, "error": {
                "code": "Not Found", "description": "No data found, symbol may be delisted"}}}
        adjusted = self.closes[symbol]
        stamps = (adjusted.index.tz_localize(self.zone) + pd.Timedelta("9h30min" if self.zone != "UTC" else 0))
        seconds = [int(stamp.timestamp()) for stamp in stamps]
        shown = [i for i, second in enumerate(seconds) if first <= second < last]
        paid = self.paid.get(symbol, adjusted)
        values = {name: [None if pd.isna(series.iloc[i]) else float(series.iloc[i]) for i in shown]
                  for name, series in (("close", paid), ("adjclose", adjusted))}
        meta = {"currency": "USD", "symbol": symbol, "exchangeName": "NMS", "instrumentType": "EQUITY",
                "firstTradeDate": seconds[0], "regularMarketTime": seconds[-1], "gmtoffset": 0, "timezone": "EST",
                "exchangeTimezoneName": self.zone, "priceHint": 2, "dataGranularity": "1d", "range": "",
                "validRanges": ["1d", "5d", "1mo", "max"]}
        result = {"meta": meta, "timestamp": [seconds[i] for i in shown], "indicators": {
            "quote": [{name: values["close"] for name in ("open", "high", "low", "close")} | {"volume": [100] * len(shown)}],
            "adjclose": [{"adjclose": values["adjclose"]}]}}
        if symbol in self.splits:
            second = int((pd.Timestamp(self.splits[symbol], tz=self.zone) + pd.Timedelta("9h30min")).timestamp())
            result["events"] = {"splits": {str(second): {
                "date": second, "numerator": 2, "denominator": 1, "splitRatio": "2:1"}}}
        return 200, {"chart": {"result": [result], "error": None}}


def point(url: str, cache: str, setattr=setattr, hosts: tuple[str, ...] = HOSTS) -> None:
    """Point every address of the yfinance that is loaded here at `url`, and its own cache at a folder."""
    import yfinance

    yfinance.set_tz_cache_location(cache)
    for name, module in list(sys.modules.items()):
        for attribute, value in list(vars(module).items()) if name.startswith("yfinance") else []:
            host = next((host for host in hosts if isinstance(value, str) and value.startswith(host)), None)
            if host:
                setattr(module, attribute, value.replace(host, url))


def main() -> None:
    """The `forefolio` command as users have it, with `$TEST_YAHOO` in place of Yahoo and hardly a wait."""
    from forefolio.__main__ import main as command
    from forefolio.market import yahoo

    point(os.environ["TEST_YAHOO"], os.environ["TEST_CACHE"])
    yahoo.WAITS = (0.01,) * 3
    command()


if __name__ == "__main__":
    main()
