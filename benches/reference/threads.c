/* Bare echo with a thread per connection.
 *
 * Default thread attributes but one: detached, because nobody joins a peer's thread and its stack
 * is to be given back when the peer leaves. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>

#include "blocking.h"

static void *serve(void *argument) {
    echo((int)(intptr_t)argument);
    return NULL;
}

int main(void) {
    int listener = open_blocking_listener();
    pthread_attr_t detached;
    require(pthread_attr_init(&detached) == 0, "pthread_attr_init");
    require(pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED) == 0, "detached");
    for (;;) {
        int peer = accept_peer(listener);
        if (peer < 0)
            continue;
        pthread_t thread;
        errno = pthread_create(&thread, &detached, serve, (void *)(intptr_t)peer);
        require(errno == 0, "pthread_create");
    }
}
