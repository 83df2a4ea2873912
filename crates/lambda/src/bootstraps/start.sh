#!/bin/sh
# Starts the extensions of the layers beside the program, and becomes the program. What extensions write is told apart from what it writes.
lines=${_CLOUDLET_LINES:-2}
for extension in "${_CLOUDLET_LAYERS:-/opt}"/extensions/*; do
    if [ -f "$extension" ] && [ -x "$extension" ]; then
        "$extension" >&"$lines" 2>&"$lines" &
    fi
done
exec "$@"
