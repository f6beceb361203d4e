/* Bare echo with N threads, each of which accepts from the one listener and serves what it gets.
 *
 * Linux wakes one of the threads that wait in accept, the one that has waited longest. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>

#include "blocking.h"

static void *serve(void *argument) {
    int listener = (int)(intptr_t)argument;
    for (;;) {
        int peer = accept_peer(listener);
        if (peer >= 0)
            echo(peer);
    }
    return NULL;
}

int main(int count, char **arguments) {
    int threads = count == 2 ? atoi(arguments[1]) : 0;
    if (threads < 1) {
        fprintf(stderr, "usage: prethreaded THREADS\n");
        return 2;
    }
    void *listener = (void *)(intptr_t)open_blocking_listener();
    for (int i = 1; i < threads; i++) {
        pthread_t thread;
        errno = pthread_create(&thread, NULL, serve, listener);
        require(errno == 0, "pthread_create");
    }
    serve(listener);
}
