/* Messages of a COPY through a socket of the test's own: whole, in pieces, cut at each byte, and with lengths that lie. */
#include "postgres_bytes.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "source/postgres/rows.h"

/* ---- a server ---- */

struct server {
    int ends[2]; /* ours, the wire's */
    struct wire wire;
    struct rows rows;
    struct bytes stream;
};

static void server_init(struct server *server, size_t columns)
{
    int large = 1 << 20;
    *server = (struct server){0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, server->ends), 0);
    setsockopt(server->ends[0], SOL_SOCKET, SO_SNDBUF, &large, sizeof(large));
    server->wire = (struct wire){.socket = server->ends[1],
                                 .bulk = true,
                                 .copying = true,
                                 .busy = true,
                                 .max_message = WIRE_MOST_MESSAGE};
    CHECK_OK(rows_init(&server->rows, columns, &err));
}

static void hang_up(struct server *server)
{
    if (server->ends[0] >= 0)
        close(server->ends[0]);
    server->ends[0] = -1;
}

static void server_release(struct server *server)
{
    hang_up(server);
    close(server->ends[1]);
    wire_release(&server->wire);
    rows_release(&server->rows);
    bytes_release(&server->stream);
}

static void send_bytes(struct server *server, const uint8_t *bytes, size_t size)
{
    assert_int_equal(send(server->ends[0], bytes, size, MSG_NOSIGNAL), size);
}

static void send_all(struct server *server)
{
    send_bytes(server, server->stream.buffer.data, server->stream.buffer.size);
}

static size_t begin_message(struct bytes *b, char type)
{
    put(b, &type, 1);
    put_be(b, 0, 4);
    return b->buffer.size - 4;
}

static void end_message(struct bytes *b, size_t begin)
{
    store_u32le(b->buffer.data + begin, __builtin_bswap32((uint32_t)(b->buffer.size - begin)));
}

static void put_message(struct bytes *b, char type, const char *body, size_t size)
{
    size_t begin = begin_message(b, type);
    put(b, body, size);
    end_message(b, begin);
}

static void put_header(struct bytes *b)
{
    put_message(b, 'd', "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
}

/* A row of an int4 and a text (NULL: none). */
static void put_row(struct bytes *b, uint32_t number, const char *text)
{
    size_t begin = begin_message(b, 'd');
    put_be(b, 2, 2);
    put_be(b, 4, 4);
    put_be(b, number, 4);
    put_be(b, text ? strlen(text) : UINT32_MAX, 4);
    if (text)
        put(b, text, strlen(text));
    end_message(b, begin);
}

static void put_end(struct bytes *b)
{
    put_message(b, 'd', "\377\377", 2);
    put_message(b, 'c', "", 0);
    put_message(b, 'C', "COPY 3", 7);
    put_message(b, 'Z', "T", 1);
}

static status_code next(struct server *server, size_t most)
{
    err = (struct error){0};
    return rows_next(&server->rows, &server->wire, most, NULL, &err);
}

static void check_status(status_code got, status_code wanted)
{
    if (got != wanted)
        fail_msg("%s: %s", status_text(got), err.text);
}

static void check_row(const struct server *server, size_t row, uint32_t number, const char *text)
{
    const uint8_t *first = server->rows.base + server->rows.at[row];
    const uint8_t *second = server->rows.base + server->rows.at[BLOCK_ROWS + row];
    assert_int_equal(load_u32be(first), 4);
    assert_int_equal(load_u32be(first + 4), number);
    assert_int_equal(load_u32be(second), text ? strlen(text) : UINT32_MAX);
    if (text)
        assert_memory_equal(second + 4, text, strlen(text));
}

/* ---- streams that hold ---- */

static void rows_come_in_blocks_and_end(void **state)
{
    struct server s;
    server_init(&s, 2);
    put_header(&s.stream);
    put_row(&s.stream, 1, "eins");
    put_row(&s.stream, 2, NULL);
    put_row(&s.stream, 3, "");
    put_end(&s.stream);
    send_all(&s);
    check_status(next(&s, 2), STATUS_OK);
    assert_int_equal(s.rows.n, 2);
    check_row(&s, 0, 1, "eins");
    check_row(&s, 1, 2, NULL);
    check_status(next(&s, 2), STATUS_OK);
    assert_int_equal(s.rows.n, 1);
    check_row(&s, 0, 3, "");
    assert_true(s.wire.busy);
    check_status(next(&s, 2), STATUS_END);
    assert_false(s.wire.busy);
    assert_int_equal(s.rows.n, 0);
    check_status(next(&s, 2), STATUS_END);
    server_release(&s);
}

static void an_empty_table_has_no_rows(void **state)
{
    struct server s;
    server_init(&s, 2);
    put_header(&s.stream);
    put_end(&s.stream);
    send_all(&s);
    check_status(next(&s, 1000), STATUS_END);
    server_release(&s);
}

static void a_header_may_be_extended_and_share_its_message(void **state)
{
    struct server s;
    server_init(&s, 1);
    size_t begin = begin_message(&s.stream, 'd');
    put(&s.stream, "PGCOPY\n\377\r\n\0", 11);
    put_be(&s.stream, 0x0000ffff, 4); /* flags that a reader need not know */
    put_be(&s.stream, 3, 4);
    put(&s.stream, "abc", 3);
    put_be(&s.stream, 1, 2);
    put_be(&s.stream, 4, 4);
    put_be(&s.stream, 7, 4);
    end_message(&s.stream, begin);
    send_all(&s);
    check_status(next(&s, 1000), STATUS_OK);
    assert_int_equal(load_u32be(s.rows.base + s.rows.at[0] + 4), 7);
    server_release(&s);
}

static void *send_in_pieces(void *argument)
{
    struct server *server = argument;
    const struct buffer *all = &server->stream.buffer;
    for (size_t sent = 0, size; sent < all->size; sent += size) {
        size = all->size - sent < 60001 ? all->size - sent : 60001;
        for (size_t done = 0; done < size;) {
            ssize_t n = send(server->ends[0], all->data + sent + done, size - done, MSG_NOSIGNAL);
            if (n <= 0)
                return NULL;
            done += (size_t)n;
        }
    }
    return NULL;
}

/* A row larger than the buffer, then more small ones than a block holds. */
static void large_rows_make_the_buffer_grow_and_it_shrinks_again(void **state)
{
    enum { LARGE = 3 << 20, SMALL = 40000 };
    struct server s;
    pthread_t sender;
    size_t rows = 0, most = 0;
    char *text = malloc(LARGE + 1);
    memset(text, 'x', LARGE);
    text[LARGE] = 0;
    server_init(&s, 2);
    put_header(&s.stream);
    put_row(&s.stream, 1, text);
    for (uint32_t i = 0; i < SMALL; i++)
        put_row(&s.stream, i + 2, "small");
    put_end(&s.stream);
    assert_int_equal(pthread_create(&sender, NULL, send_in_pieces, &s), 0);
    for (status_code code; (code = next(&s, BLOCK_ROWS)) != STATUS_END; rows += s.rows.n) {
        check_status(code, STATUS_OK);
        assert_in_range(s.rows.n, 1, BLOCK_ROWS);
        check_row(&s, 0, (uint32_t)rows + 1, rows ? "small" : text);
        check_row(&s, s.rows.n - 1, (uint32_t)(rows + s.rows.n),
                  rows + s.rows.n > 1 ? "small" : text);
        most = s.wire.in.capacity > most ? s.wire.in.capacity : most;
    }
    pthread_join(sender, NULL);
    assert_int_equal(rows, SMALL + 1);
    assert_true(most > LARGE);
    assert_true(s.wire.in.capacity < LARGE / 4);
    assert_int_equal(s.wire.bytes, s.stream.buffer.size);
    free(text);
    server_release(&s);
}

static void a_stream_sent_byte_by_byte_is_the_same(void **state)
{
    struct server s;
    server_init(&s, 2);
    put_header(&s.stream);
    put_row(&s.stream, 1, "eins");
    put_row(&s.stream, 2, NULL);
    put_end(&s.stream);
    const struct buffer *all = &s.stream.buffer;
    size_t rows = 0;
    for (size_t i = 0; i < all->size; i++) {
        send_bytes(&s, all->data + i, 1);
        if (i + 1 < all->size) { /* nothing but reads of what is there: no END, no row twice */
            struct cancel cancel = {.reason = CANCEL_SIGINT};
            err = (struct error){0};
            status_code code = rows_next(&s.rows, &s.wire, 9, &cancel, &err);
            if (code == STATUS_OK)
                rows += s.rows.n;
            else
                check_status(code, STATUS_CANCELLED);
        }
    }
    assert_int_equal(rows, 2);
    check_status(next(&s, 9), STATUS_END);
    server_release(&s);
}

/* ---- streams that do not ---- */

static void a_stream_cut_at_any_byte_is_unavailable(void **state)
{
    struct bytes whole = {0};
    put_header(&whole);
    put_row(&whole, 1, "eins");
    put_row(&whole, 2, NULL);
    put_end(&whole);
    for (size_t size = 0; size < whole.buffer.size; size++) {
        struct server s;
        size_t rows = 0;
        status_code code;
        server_init(&s, 2);
        send_bytes(&s, whole.buffer.data, size);
        hang_up(&s);
        while ((code = next(&s, 9)) == STATUS_OK)
            rows += s.rows.n;
        check_status(code, STATUS_UNAVAILABLE);
        assert_true(rows <= 2);
        server_release(&s);
    }
    bytes_release(&whole);
}

/* One message after the header; the status, and that the message says something. */
static void check_refused(const char *body, size_t size, const char *words)
{
    struct server s;
    server_init(&s, 2);
    put_header(&s.stream);
    put_message(&s.stream, 'd', body, size);
    put_end(&s.stream);
    send_all(&s);
    check_status(next(&s, 9), STATUS_BAD_DATA);
    if (!strstr(err.text, words))
        fail_msg("\"%s\" is not in: %s", words, err.text);
    server_release(&s);
}

static void rows_that_lie_are_refused(void **state)
{
    static const char row[] = "\0\2\0\0\0\4\0\0\0\x09\0\0\0\3abc";
    enum { SIZE = sizeof(row) - 1 };
    static const uint32_t lengths[] = {0,          5,          11,         12,        100,
                                       0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
    for (size_t size = 0; size < SIZE; size++)
        check_refused(row, size, "COPY stream");
    for (size_t field = 0; field < 2; field++) {
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
            char changed[SIZE];
            memcpy(changed, row, SIZE);
            store_u32le(changed + 2 + 8 * field, __builtin_bswap32(lengths[i]));
            check_refused(changed, SIZE, "fields of a row");
        }
    }
    check_refused("\0\1\0\0\0\0", 6, "number of fields");
    check_refused("\0\3\377\377\377\377\377\377\377\377\377\377\377\377", 14, "number of fields");
    check_refused("\377\377\0", 3, "number of fields");
}

static void headers_that_lie_are_refused(void **state)
{
    static const char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";
    for (size_t i = 0; i <= 19; i++) {
        struct server s;
        char changed[19] = {0};
        memcpy(changed, header, 19);
        if (i < 13) /* signature, and the flags a reader must know */
            changed[i] ^= 1;
        else if (i < 15)
            continue;
        else if (i < 19)
            changed[i] = '\377'; /* a longer extension than there is */
        server_init(&s, 1);
        put_message(&s.stream, 'd', changed, i == 19 ? 18 : 19);
        put_end(&s.stream);
        send_all(&s);
        check_status(next(&s, 9), STATUS_BAD_DATA);
        server_release(&s);
    }
}

static void messages_of_a_length_that_cannot_be_are_refused(void **state)
{
    static const uint32_t lengths[] = {0,          1,          3,         WIRE_MOST_MESSAGE + 1,
                                       0x7fffffff, 0x80000000, 0xffffffff};
    static const char types[] = "dEZNc!";
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (size_t t = 0; types[t]; t++) {
            struct server s;
            server_init(&s, 2);
            put_header(&s.stream);
            put_row(&s.stream, 1, "eins");
            put(&s.stream, &types[t], 1);
            put_be(&s.stream, lengths[i], 4);
            put(&s.stream, "C12345", 7);
            send_all(&s);
            check_status(next(&s, 9), STATUS_OK);
            assert_int_equal(s.rows.n, 1);
            check_status(next(&s, 9), STATUS_BAD_DATA);
            server_release(&s);
        }
    }
}

static void a_row_beyond_the_memory_is_refused_before_it_is_read(void **state)
{
    enum { MOST = 300 << 10, SIZE = 200 << 20 };
    struct server s;
    size_t column;
    uint32_t size;
    char *zeros = calloc(1, MOST);
    server_init(&s, 2);
    s.wire.max_message = MOST;
    put_header(&s.stream);
    put(&s.stream, "d", 1);
    put_be(&s.stream, SIZE + 100, 4);
    put(&s.stream, "\0\2\0\0\0\4\0\0\0\7", 10);
    put_be(&s.stream, SIZE, 4);
    put(&s.stream, zeros, MOST);
    send_all(&s);
    check_status(next(&s, 9), STATUS_BAD_DATA);
    if (!strstr(err.text, "--memory"))
        fail_msg("%s", err.text);
    assert_true(s.wire.in.capacity <= MOST);
    assert_true(rows_cut_field(&s.rows, &s.wire, &column, &size));
    assert_int_equal(column, 1);
    assert_int_equal(size, SIZE);
    assert_int_equal(load_u32be(s.rows.base + s.rows.at[0] + 4), 7);
    free(zeros);
    server_release(&s);
}

static void an_error_of_the_server_is_told_after_the_rows_before_it(void **state)
{
    static const char body[] = "SERROR\0C57014\0Mcanceling statement\0\0";
    struct server s;
    for (int fatal = 0; fatal < 2; fatal++) {
        server_init(&s, 2);
        put_header(&s.stream);
        put_row(&s.stream, 1, "eins");
        put_message(&s.stream, 'E', body, sizeof(body) - 1);
        if (!fatal)
            put_message(&s.stream, 'Z', "E", 1);
        send_all(&s);
        if (fatal)
            hang_up(&s);
        check_status(next(&s, 9), STATUS_OK);
        status_code code = next(&s, 9);
        assert_true(code != STATUS_OK && code != STATUS_END);
        if (!strstr(err.text, "canceling statement"))
            fail_msg("%s", err.text);
        assert_false(s.wire.busy);
        server_release(&s);
    }
}

/* Each cut, and each length of what its strings should end in: nothing is read behind the message. */
static void an_error_cut_anywhere_is_still_an_error(void **state)
{
    static const char body[] = "SERROR\0C57014\0Mno\0Hhint\0Ddetail\0";
    for (size_t size = 0; size < sizeof(body); size++) {
        struct server s;
        server_init(&s, 2);
        put_message(&s.stream, 'E', body, size);
        put_message(&s.stream, 'Z', "E", 1);
        send_all(&s);
        status_code code = next(&s, 9);
        assert_true(code != STATUS_OK && code != STATUS_END);
        assert_true(err.text_bytes > 0);
        server_release(&s);
    }
}

static void a_message_that_is_not_due_is_refused(void **state)
{
    static const char types[] = "TDGW1R";
    for (size_t t = 0; types[t]; t++) {
        struct server s;
        server_init(&s, 2);
        put_header(&s.stream);
        put_message(&s.stream, types[t], "x", 1);
        send_all(&s);
        check_status(next(&s, 9), STATUS_BAD_DATA);
        if (!strstr(err.text, "none was due"))
            fail_msg("%s", err.text);
        assert_true(s.wire.busy); /* so that the connection is not used again */
        server_release(&s);
    }
}

static void notices_between_rows_are_passed_over(void **state)
{
    struct server s;
    server_init(&s, 2);
    put_header(&s.stream);
    put_row(&s.stream, 1, "eins");
    put_message(&s.stream, 'N', "Mwords\0", 8);
    put_message(&s.stream, 'S', "TimeZone\0UTC", 13);
    put_row(&s.stream, 2, "zwei");
    put_end(&s.stream);
    send_all(&s);
    check_status(next(&s, 9), STATUS_OK);
    check_row(&s, 0, 1, "eins");
    check_status(next(&s, 9), STATUS_OK);
    check_row(&s, 0, 2, "zwei");
    check_status(next(&s, 9), STATUS_END);
    server_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_in_blocks_and_end),
        cmocka_unit_test(an_empty_table_has_no_rows),
        cmocka_unit_test(a_header_may_be_extended_and_share_its_message),
        cmocka_unit_test(large_rows_make_the_buffer_grow_and_it_shrinks_again),
        cmocka_unit_test(a_stream_sent_byte_by_byte_is_the_same),
        cmocka_unit_test(a_stream_cut_at_any_byte_is_unavailable),
        cmocka_unit_test(rows_that_lie_are_refused),
        cmocka_unit_test(headers_that_lie_are_refused),
        cmocka_unit_test(messages_of_a_length_that_cannot_be_are_refused),
        cmocka_unit_test(a_row_beyond_the_memory_is_refused_before_it_is_read),
        cmocka_unit_test(an_error_of_the_server_is_told_after_the_rows_before_it),
        cmocka_unit_test(an_error_cut_anywhere_is_still_an_error),
        cmocka_unit_test(a_message_that_is_not_due_is_refused),
        cmocka_unit_test(notices_between_rows_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
