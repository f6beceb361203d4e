/* Bare io_uring echo: multishot accept, multishot receive into provided buffers, sends in the same call
 * that waits. Raw system calls, since not every system has liburing.
 *
 * It is what a ring is compared with, so it has no limits, no deadlines and no unsent output: a peer
 * that does not take its reply at once is closed. A reply goes out of the buffer that it came in. A
 * send completes in silence (IOSQE_CQE_SKIP_SUCCESS) while it is submitted (MSG_DONTWAIT), so the
 * buffer can be given back when the call returns. SIGTERM ends it by default action. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "listener.h"

enum { ENTRIES = 1024, BUFFERS = 256, SIZE = 16 * 1024 };
enum { ACCEPT, RECEIVE, SEND };

static int ring;
static unsigned *sq_head, *sq_tail, sq_mask, *cq_head, *cq_tail, cq_mask, tail;
static struct io_uring_sqe *sqes;
static struct io_uring_cqe *cqes;
static struct io_uring_buf_ring *buffers;
static char *memory;
static unsigned short given;

static void enter(unsigned want) {
    unsigned queued = tail - __atomic_load_n(sq_head, __ATOMIC_ACQUIRE);
    __atomic_store_n(sq_tail, tail, __ATOMIC_RELEASE);
    long entered =
        syscall(SYS_io_uring_enter, ring, queued, want, IORING_ENTER_GETEVENTS, NULL, 0);
    require(entered >= 0 || errno == EINTR || errno == EBUSY, "io_uring_enter");
}

static struct io_uring_sqe *request(int does, int fd, int opcode) {
    while (tail - __atomic_load_n(sq_head, __ATOMIC_ACQUIRE) == ENTRIES)
        enter(0);
    struct io_uring_sqe *sqe = &sqes[tail++ & sq_mask];
    memset(sqe, 0, sizeof *sqe);
    sqe->opcode = opcode;
    sqe->fd = fd;
    sqe->user_data = (uint64_t)fd << 2 | does;
    return sqe;
}

static void accept_from(int listener) {
    request(ACCEPT, listener, IORING_OP_ACCEPT)->ioprio = IORING_ACCEPT_MULTISHOT;
}

static void receive_from(int peer) {
    struct io_uring_sqe *sqe = request(RECEIVE, peer, IORING_OP_RECV);
    sqe->ioprio = IORING_RECV_MULTISHOT;
    sqe->flags = IOSQE_BUFFER_SELECT;
}

static void send_to(int peer, char *bytes, int length) {
    struct io_uring_sqe *sqe = request(SEND, peer, IORING_OP_SEND);
    sqe->addr = (uintptr_t)bytes;
    sqe->len = length;
    sqe->msg_flags = MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL;
    sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
}

static void close_peer(int peer) {
    /* Ends what is received from it, too, which would keep the socket open. */
    shutdown(peer, SHUT_RDWR);
    close(peer);
}

static void give_back(int number) {
    struct io_uring_buf *buffer = &buffers->bufs[given++ & (BUFFERS - 1)];
    buffer->addr = (uintptr_t)(memory + (size_t)number * SIZE);
    buffer->len = SIZE;
    buffer->bid = number;
}

static void publish(void) { __atomic_store_n(&buffers->tail, given, __ATOMIC_RELEASE); }

static void *map(size_t size, int flags, int fd, off_t offset) {
    void *start = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, offset);
    require(start != MAP_FAILED, "mmap");
    return start;
}

static void set_up(void) {
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
        .cq_entries = 4 * ENTRIES};
    ring = syscall(SYS_io_uring_setup, ENTRIES, &params);
    require(ring >= 0, "io_uring_setup");
    /* Both queues are in one mapping (IORING_FEAT_SINGLE_MMAP). */
    size_t submissions = params.sq_off.array + ENTRIES * sizeof(unsigned);
    size_t completions = params.cq_off.cqes + params.cq_entries * sizeof *cqes;
    char *queues = map(submissions > completions ? submissions : completions,
                       MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
    sqes = map(ENTRIES * sizeof *sqes, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
    sq_head = (unsigned *)(queues + params.sq_off.head);
    sq_tail = (unsigned *)(queues + params.sq_off.tail);
    sq_mask = *(unsigned *)(queues + params.sq_off.ring_mask);
    cq_head = (unsigned *)(queues + params.cq_off.head);
    cq_tail = (unsigned *)(queues + params.cq_off.tail);
    cq_mask = *(unsigned *)(queues + params.cq_off.ring_mask);
    cqes = (struct io_uring_cqe *)(queues + params.cq_off.cqes);
    unsigned *array = (unsigned *)(queues + params.sq_off.array);
    for (unsigned i = 0; i < ENTRIES; i++)
        array[i] = i;
    buffers = map(BUFFERS * sizeof(struct io_uring_buf), MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory = map((size_t)BUFFERS * SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct io_uring_buf_reg group = {.ring_addr = (uintptr_t)buffers, .ring_entries = BUFFERS};
    require(syscall(SYS_io_uring_register, ring, IORING_REGISTER_PBUF_RING, &group, 1) == 0,
            "io_uring_register");
    for (int number = 0; number < BUFFERS; number++)
        give_back(number);
    publish();
}

/* Buffers whose bytes are sent with the next call. */
static int lent[4 * ENTRIES], lent_count;

static void received(int peer, struct io_uring_cqe *cqe) {
    int more = cqe->flags & IORING_CQE_F_MORE, length = cqe->res;
    if (length > 0) {
        int number = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
        send_to(peer, memory + (size_t)number * SIZE, length);
        lent[lent_count++] = number;
    } else if (length != -ENOBUFS) {
        close(peer);
        return;
    }
    if (!more)
        receive_from(peer);
}

static void completed(struct io_uring_cqe *cqe) {
    int fd = cqe->user_data >> 2, on = 1;
    switch (cqe->user_data & 3) {
    case ACCEPT:
        if (cqe->res >= 0) {
            setsockopt(cqe->res, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            receive_from(cqe->res);
        }
        if (!(cqe->flags & IORING_CQE_F_MORE))
            accept_from(fd);
        break;
    case RECEIVE:
        received(fd, cqe);
        break;
    case SEND: /* It failed, or was short. */
        close_peer(fd);
        break;
    }
}

int main(void) {
    set_up();
    accept_from(open_listener(0));
    for (;;) {
        enter(1);
        for (int i = 0; i < lent_count; i++)
            give_back(lent[i]);
        lent_count = 0;
        unsigned head = *cq_head, end = __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE);
        for (; head != end; head++)
            completed(&cqes[head & cq_mask]);
        __atomic_store_n(cq_head, head, __ATOMIC_RELEASE);
        publish();
    }
}
