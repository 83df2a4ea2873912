#!/bin/sh
# Starts the extensions of the layers beside the program, and becomes the program.
for extension in "${_CLOUDLET_LAYERS:-/opt}"/extensions/*; do
    if [ -f "$extension" ] && [ -x "$extension" ]; then
        "$extension" &
    fi
done
exec "$@"
