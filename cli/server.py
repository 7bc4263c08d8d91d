"""`tiezheng server`: a ledger over HTTP."""

import signal
import socket
from pathlib import Path
from types import FrameType
from typing import Any

import click

from cli import output
from cli.command import argument, option
from cli.command import command as new_command
from cli.language import say
from ledger.errors import Unavailable


@new_command(
    "server",
    words={
        "en": "Serve the ledger in DATA over HTTP.\n\n"
        "Settings stand in DATA/tiezheng.toml and in the environment as TIEZHENG_…:\n"
        "host, port, quota, unclaimed_hours, lane, log_level, tls_certificate, tls_key,\n"
        "retain_days_recording, retain_days_case, authorities, stamp_seconds,\n"
        "feed_url, feed_seconds, feed_table,\n"
        "store, store_was, store_credentials, store_http, second_store,\n"
        "second_store_credentials, scrub_rate, scrub_days, list_minutes, mirrors,\n"
        "pkcs11_module, pkcs11_token, pkcs11_keys, pkcs11_pin_file.\n"
        "One server a folder. The journal goes to stderr, a JSON object a line.\n\n"
        "At the start the cosigners are asked. One that knows a larger log stops this one:\n"
        "its disk is an old one. If none answers nothing is sequenced, until one does.\n"
        "Mirrors, if any are set, are asked too: one that shows more stops it as well.",
        "zh": "为 DATA 中的账本提供 HTTP 服务。\n\n"
        "设置写在 DATA/tiezheng.toml，或以 TIEZHENG_… 写在环境变量中：\n"
        "host、port、quota、unclaimed_hours、lane、log_level、tls_certificate、tls_key、\n"
        "retain_days_recording、retain_days_case、authorities、stamp_seconds、\n"
        "feed_url、feed_seconds、feed_table、\n"
        "store、store_was、store_credentials、store_http、second_store、\n"
        "second_store_credentials、scrub_rate、scrub_days、list_minutes、mirrors、\n"
        "pkcs11_module、pkcs11_token、pkcs11_keys、pkcs11_pin_file。\n"
        "一个文件夹只能有一个服务。运行日志以 JSON 逐行写到标准错误。\n\n"
        "启动时先询问联合签名节点。若有节点所知日志更大，说明本机磁盘内容陈旧，停止受理；\n"
        "若无一应答，则在有应答之前不受理新陈述。设有镜像的也一并询问；若镜像出示更大的\n"
        "日志，同样停止受理。",
    },
    example="TIEZHENG_PORT=8417 tiezheng server data",
)
@argument("data", metavar="DATA", words={"en": "the ledger's folder", "zh": "账本文件夹"})
@option(
    "--port",
    type=click.IntRange(0, 65535),
    default=None,
    metavar="N",
    words={
        "en": "instead of the setting; 0 takes a free one and prints it",
        "zh": "代替设置中的端口；0 表示任取一个空闲端口并显示",
    },
)
@option(
    "--alone",
    is_flag=True,
    words={
        "en": "go on although no cosigner answers, or against a mere word; the log says so",
        "zh": "即使无一节点应答、或仅有口说无凭的反对，也继续受理；此事会写入日志",
    },
)
def command(data: str, port: int | None, alone: bool) -> None:
    from api import journal, lane, wire
    from api.app import create_app
    from api.services import open_services
    from api.settings import load

    folder = Path(data)
    settings = load(folder)
    journal.start(settings.log_level)
    services = open_services(folder, settings, alone=alone)
    address = (settings.host, settings.port if port is None else port)
    http = lane.Protocol if settings.lane else wire.BoundedProtocol
    serve(create_app(services), address, settings.tls_certificate, settings.tls_key, http)


def serve(
    app: Any,
    address: tuple[str, int],
    certificate: Path | None = None,
    key: Path | None = None,
    http: Any = None,
) -> None:
    """Prints the address once it listens; ends on SIGINT or SIGTERM, after what was begun."""
    from api import wire

    host, port = address
    server = wire.server(
        app,
        http or wire.BoundedProtocol,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    ended_by: set[int] = set()

    def end(number: int, frame: FrameType | None) -> None:
        """Raises nothing: in a callback of the interpreter's own that would go nowhere.

        uvicorn takes over for as long as it runs, and repeats to this one what it was told.
        """
        ended_by.add(number)
        server.handle_exit(number, frame)

    # Before the address is printed: from then on who reads it may end the server. A shell that
    # starts it in the background has SIGINT ignored, and that would be inherited.
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    server.config.load()  # a bad certificate is refused before the address is printed
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.create_server((host, port), family=family, backlog=server.config.backlog)
    scheme = "http" if certificate is None else "https"
    name = f"[{host}]" if ":" in host else host
    output.result(f"{scheme}://{name}:{sock.getsockname()[1]}")
    output.note(say(en="serving; Ctrl-C ends it", zh="服务中；按 Ctrl-C 结束"))
    server.run([sock])
    if signal.SIGINT in ended_by:
        raise KeyboardInterrupt
    if not server.started:
        raise Unavailable("the server did not start: see its journal")
