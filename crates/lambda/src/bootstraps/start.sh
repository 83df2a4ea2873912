#!/bin/sh
# Starts the extensions of the layers beside the program. What extensions write is told apart from what it writes. Once the program is over, that
# is told by a word that nobody else knows, and the extensions may go on until all is ended.
lines=${_CLOUDLET_LINES:-2}
over=$_CLOUDLET_OVER
unset _CLOUDLET_OVER
for extension in "${_CLOUDLET_LAYERS:-/opt}"/extensions/*; do
    if [ -f "$extension" ] && [ -x "$extension" ]; then
        "$extension" >&"$lines" 2>&"$lines" &
    fi
done
"$@"
echo "$over $?" >&"$lines"
wait
