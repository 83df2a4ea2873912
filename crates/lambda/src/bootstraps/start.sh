#!/bin/sh
# Starts the extensions of the layers beside the program. What extensions write is told apart from what it writes. Once the program
# and what it started are, that is told by a word that nobody else knows, and the extensions may go on until all is ended. SIGTERM is passed on to
# the program; SIGUSR1 ends it.
lines=${_CLOUDLET_LINES:-2}
over=$_CLOUDLET_OVER
code=
ended=
unset _CLOUDLET_OVER

end_code() {
    ended=yes
    [ -n "$code" ] && kill -KILL "$code"
    # Outside of a namespace of its own it sees the processes of others.
    [ $$ = 1 ] || return
    found=yes
    while [ -n "$found" ]; do
        found=
        for process in /proc/[0-9]*; do
            while IFS= read -r -d '' variable; do
                case $variable in _CLOUDLET_CODE=*) kill -KILL "${process#/proc/}" && found=yes;; esac
            done < "$process/environ"
        done
    done
} 2>/dev/null

trap end_code USR1
trap 'ended=yes; [ -n "$code" ] && kill -TERM "$code"' TERM
for extension in "${_CLOUDLET_LAYERS:-/opt}"/extensions/*; do
    if [ -f "$extension" ] && [ -x "$extension" ]; then
        "$extension" >&"$lines" 2>&"$lines" &
    fi
done
# What a shell starts beside itself ignores these signals.
if env --default-signal=INT,QUIT true 2>/dev/null; then
    set -- env --default-signal=INT,QUIT "$@"
fi
_CLOUDLET_CODE=1 "$@" &
code=$!
# The shell itself has nothing to say of how its processes end.
exec 2>/dev/null
wait "$code"
status=$?
while [ -n "$ended" ]; do
    # A signal has ended the waiting, and perhaps not the program.
    ended=
    wait "$code"
    status=$?
done
trap '' TERM USR1
code=
end_code
echo "$over $status" >&"$lines"
wait
