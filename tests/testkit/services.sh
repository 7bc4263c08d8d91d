#!/bin/bash
# `systemctl` where there is none: the services of one ledger, in the folder and on the ports
# that PLACE and PORT_… name. Each leaves its process id in NAME.pid.
set -eu
cd "$PLACE"
logs() { for key in log.vkey log-?.vkey; do [ -s "$key" ] && printf -- '--log\n%s\n' "$(cat "$key")"; done; }
stop() {
    [ -s "$1.pid" ] || return 0
    kill "$(cat "$1.pid")"
    while kill -0 "$(cat "$1.pid")" 2>/dev/null; do sleep 0.1; done
    rm "$1.pid"
}
begin() {
    local name=$1
    shift
    nohup "$@" >>"$name.out" 2>&1 </dev/null &
    echo $! >"$name.pid"
}
answers() {
    for _ in $(seq 300); do
        (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0
        sleep 0.1
    done
    echo "nothing answers on port $1" >&2
    return 1
}
cosigner() {
    [ -s "$1.key" ] || return 0
    mapfile -t watched < <(logs)
    begin "$1" tiezheng cosign --key "$1.key" --state "state-$1" --port "$2" "${watched[@]}"
    answers "$2"
}
case "$1 $2" in
"stop tiezheng-server") stop server ;;
"start tiezheng-server")
    begin server tiezheng server data --port "$PORT_LEDGER"
    answers "$PORT_LEDGER"
    ;;
"restart tiezheng-cosigner")
    for name in notary court archive court-2; do stop "$name"; done
    cosigner notary "$PORT_NOTARY"
    cosigner court "$PORT_COURT"
    cosigner archive "$PORT_ARCHIVE"
    cosigner court-2 "$PORT_COURT2"
    ;;
"restart tiezheng-mirror")
    stop mirror
    key=mirror.key
    [ -s mirror-2.key ] && key=mirror-2.key
    begin mirror tiezheng mirror "http://127.0.0.1:$PORT_LEDGER/log" --data mirror-data \
        --trust data/trust --key "$key" --every 1 --port "$PORT_MIRROR"
    answers "$PORT_MIRROR"
    ;;
*) exit 2 ;;
esac
