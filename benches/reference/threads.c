/* Bare echo with a thread per connection: a blocking read, a blocking write, 4 KiB on the stack.
 *
 * Default thread attributes but one: detached, because nobody joins a peer's thread and its stack
 * is to be given back when the peer leaves. SIGTERM ends the process by default action. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void require(int fine, const char *what) {
    if (!fine) {
        perror(what);
        exit(1);
    }
}

static int open_listener(void) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(listener >= 0, "socket");
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    require(bind(listener, (struct sockaddr *)&address, length) == 0, "bind");
    require(listen(listener, 4096) == 0, "listen");
    require(getsockname(listener, (struct sockaddr *)&address, &length) == 0, "getsockname");
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

static int send_all(int peer, const char *bytes, ssize_t length) {
    while (length > 0) {
        ssize_t sent = write(peer, bytes, length);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return 0;
        bytes += sent;
        length -= sent;
    }
    return 1;
}

static void *serve(void *argument) {
    int peer = (int)(intptr_t)argument;
    char buffer[4096];
    for (;;) {
        ssize_t length = read(peer, buffer, sizeof buffer);
        if (length < 0 && errno == EINTR)
            continue;
        if (length <= 0 || !send_all(peer, buffer, length))
            break;
    }
    close(peer);
    return NULL;
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    int listener = open_listener();
    pthread_attr_t detached;
    require(pthread_attr_init(&detached) == 0, "pthread_attr_init");
    require(pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED) == 0, "detached");
    for (;;) {
        int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (peer < 0)
            continue;
        int on = 1;
        setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        pthread_t thread;
        errno = pthread_create(&thread, &detached, serve, (void *)(intptr_t)peer);
        require(errno == 0, "pthread_create");
    }
}
