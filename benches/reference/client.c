/* Bare level-triggered epoll client: a closed loop of 64-byte messages whose echo is checked byte for
 * byte, and nothing else: no latencies, no time-outs, no counts but of messages.
 *
 * client PORT CONNECTIONS MESSAGES: that many messages of all connections together, to 127.0.0.1. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGE = 64 };

static char buffer[64 * 1024], message[MESSAGE];
static long left, outstanding;

static void require(int fine, const char *what) {
    if (!fine) {
        perror(what);
        exit(1);
    }
}

static void send_one(int peer) {
    require(send(peer, message, MESSAGE, MSG_NOSIGNAL) == MESSAGE, "send");
    left--;
    outstanding++;
}

static void receive(int peer, int *taken) {
    ssize_t length = recv(peer, buffer, sizeof buffer, 0);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    require(length > 0, "recv");
    require(*taken + length <= MESSAGE, "a reply that is too long");
    require(memcmp(buffer, message + *taken, length) == 0, "a reply that is wrong");
    *taken += length;
    if (*taken == MESSAGE) {
        *taken = 0;
        outstanding--;
        if (left > 0)
            send_one(peer);
    }
}

int main(int count, char **words) {
    require(count == 4, "client PORT CONNECTIONS MESSAGES");
    int connections = atoi(words[2]), poll = epoll_create1(EPOLL_CLOEXEC), on = 1;
    left = atol(words[3]);
    require(poll >= 0, "epoll_create1");
    for (int i = 0; i < MESSAGE; i++)
        message[i] = 'a' + i % 26;
    int *sockets = calloc(connections, sizeof *sockets), *taken = calloc(connections, sizeof *taken);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(atoi(words[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < connections; i++) {
        sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        require(sockets[i] >= 0, "socket");
        require(connect(sockets[i], (struct sockaddr *)&address, sizeof address) == 0, "connect");
        setsockopt(sockets[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event interest = {.events = EPOLLIN, .data.u32 = i};
        require(epoll_ctl(poll, EPOLL_CTL_ADD, sockets[i], &interest) == 0, "epoll_ctl");
    }
    for (int i = 0; i < connections && left > 0; i++)
        send_one(sockets[i]);
    struct epoll_event events[64];
    while (outstanding > 0) {
        int ready = epoll_wait(poll, events, 64, -1);
        require(ready >= 0 || errno == EINTR, "epoll_wait");
        for (int i = 0; i < ready; i++)
            receive(sockets[events[i].data.u32], &taken[events[i].data.u32]);
    }
    return 0;
}
