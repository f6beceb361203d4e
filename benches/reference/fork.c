/* Bare echo with a process per connection: the parent accepts and forks, the child serves and ends.
 *
 * The children are reaped in the handler of SIGCHLD, all that have ended so far, because several
 * signals may come as one. SA_RESTART: the parent's accept goes on afterwards. */
#define _GNU_SOURCE
#include <sys/wait.h>

#include "blocking.h"

static void reap(int signal) {
    (void)signal;
    int saved = errno;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    errno = saved;
}

int main(void) {
    struct sigaction action = {.sa_handler = reap, .sa_flags = SA_RESTART | SA_NOCLDSTOP};
    require(sigaction(SIGCHLD, &action, NULL) == 0, "sigaction");
    int listener = open_blocking_listener();
    for (;;) {
        int peer = accept_peer(listener);
        if (peer < 0)
            continue;
        pid_t child = fork();
        require(child >= 0, "fork");
        if (child == 0) {
            close(listener);
            echo(peer);
            _exit(0);
        }
        close(peer);
    }
}
