/* Echo on libuv: one loop, one 64 KiB buffer for all peers, a handle kept per peer.
 *
 * uv_try_write sends at once and needs neither a request nor a copy that lasts. As in the other bare
 * servers, a peer that does not take its reply at once is closed. SIGTERM ends it by default action. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

static char buffer[64 * 1024];

static void require(int outcome, const char *what) {
    if (outcome < 0) {
        fprintf(stderr, "%s: %s\n", what, uv_strerror(outcome));
        exit(1);
    }
}

static void lend_buffer(uv_handle_t *peer, size_t suggested, uv_buf_t *into) {
    (void)peer, (void)suggested;
    *into = uv_buf_init(buffer, sizeof buffer);
}

static void free_handle(uv_handle_t *peer) { free(peer); }

static void echo(uv_stream_t *peer, ssize_t length, const uv_buf_t *from) {
    if (length == 0)
        return; /* There was nothing to read after all. */
    if (length > 0) {
        uv_buf_t reply = uv_buf_init(from->base, length);
        if (uv_try_write(peer, &reply, 1) == length)
            return;
    }
    uv_close((uv_handle_t *)peer, free_handle);
}

static void take_peer(uv_stream_t *listener, int outcome) {
    uv_tcp_t *peer = malloc(sizeof *peer);
    require(peer ? outcome : UV_ENOMEM, "a peer");
    require(uv_tcp_init(listener->loop, peer), "uv_tcp_init");
    if (uv_accept(listener, (uv_stream_t *)peer) < 0) {
        uv_close((uv_handle_t *)peer, free_handle);
        return;
    }
    uv_tcp_nodelay(peer, 1);
    require(uv_read_start((uv_stream_t *)peer, lend_buffer, echo), "uv_read_start");
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t listener;
    struct sockaddr_in address;
    int length = sizeof address;
    require(uv_tcp_init(loop, &listener), "uv_tcp_init");
    require(uv_ip4_addr("127.0.0.1", 0, &address), "uv_ip4_addr");
    require(uv_tcp_bind(&listener, (struct sockaddr *)&address, 0), "uv_tcp_bind");
    require(uv_listen((uv_stream_t *)&listener, 4096, take_peer), "uv_listen");
    require(uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &length), "getsockname");
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return uv_run(loop, UV_RUN_DEFAULT);
}
