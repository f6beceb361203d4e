/* Bare room: whatever one peer sends is written to all others, in a loop of write(2), as it came.
 *
 * It is the floor that a chat is compared with: no names, no lines, no checks, nothing kept for a peer
 * that does not take what it is sent at once: it is closed. SIGTERM ends it by default action. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "listener.h"

static char buffer[64 * 1024];
static int *members;
static int count, room;

static void take_peer(int poll, int listener) {
    int peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (peer < 0)
        return; /* Level-triggered: whoever still waits is reported again. */
    int on = 1;
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event interest = {.events = EPOLLIN, .data.fd = peer};
    require(epoll_ctl(poll, EPOLL_CTL_ADD, peer, &interest) == 0, "epoll_ctl");
    if (count == room) {
        room = room ? 2 * room : 1024;
        members = realloc(members, room * sizeof *members);
        require(members != NULL, "realloc");
    }
    members[count++] = peer;
}

static void leave(int peer) {
    close(peer);
    for (int place = 0; place < count; place++)
        if (members[place] == peer)
            members[place] = members[--count];
}

static void pass_on(int peer) {
    ssize_t length = read(peer, buffer, sizeof buffer);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (length <= 0) {
        leave(peer);
        return;
    }
    for (int place = 0; place < count; place++)
        if (members[place] != peer && write(members[place], buffer, length) != length)
            leave(members[place]);
}

int main(void) {
    struct rlimit limit;
    require(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
    limit.rlim_cur = limit.rlim_max;
    require(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
    int listener = open_listener(SOCK_NONBLOCK);
    int poll = epoll_create1(EPOLL_CLOEXEC);
    require(poll >= 0, "epoll_create1");
    struct epoll_event interest = {.events = EPOLLIN, .data.fd = listener};
    require(epoll_ctl(poll, EPOLL_CTL_ADD, listener, &interest) == 0, "epoll_ctl");
    static struct epoll_event ready[1024];
    for (;;) {
        int found = epoll_wait(poll, ready, 1024, -1);
        for (int place = 0; place < found; place++) {
            if (ready[place].data.fd == listener)
                take_peer(poll, listener);
            else
                pass_on(ready[place].data.fd);
        }
    }
}
