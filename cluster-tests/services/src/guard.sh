# Runs a server for another process and does not let it outlive that process.
#
# arguments: DIRECTORY LOG SIGNAL COMMAND [ARGUMENT...]
# standard input, a line each:
#   start         starts COMMAND, its output appended to LOG; answers with its process id
#   signal NAME   sends it a signal
#   reap          waits for its end; answers with its status
# The end of the input, which also comes when the other process is killed, ends COMMAND by SIGNAL and removes
# DIRECTORY.
directory=$1
log=$2
end=$3
shift 3
server=

# Nothing but the end of the input ends this shell. The kernel sends HUP on that occasion when a process is stopped.
trap '' HUP INT QUIT TERM PIPE

while read -r order name; do
    case $order in
    start)
        (
            trap - HUP INT QUIT TERM PIPE
            # Answers only now that signals end it: one that came before would be lost.
            exec sh -c 'echo "$$" >&3; exec 3>&-; exec "$@"' server "$@"
        ) 3>&1 </dev/null >>"$log" 2>&1 &
        server=$!
        ;;
    signal)
        kill -s "$name" "$server"
        ;;
    reap)
        wait "$server"
        echo "$?"
        server=
        ;;
    esac
done

if [ -n "$server" ]; then
    kill -s "$end" "$server"
    # A stopped process takes the first signal only after this one.
    kill -s CONT "$server"
    wait "$server"
fi
rm -rf -- "$directory" || { sleep 1; rm -rf -- "$directory"; }
