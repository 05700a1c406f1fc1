/* conn_test.c - a connection moves only where the table says, and a handle outlives what it names.
 */
#include "edge/conn.h"

#include <signal.h>

#include "lib/suite.h"
#include "unit/edge/stage.h"

#define PHASES GW_CONN_PHASES

/* From conn.h: an HTTP connection goes to and fro between REQUEST and ANSWER; a WebSocket comes out
 * of a request, is opened at once or later (or answered as HTTP after all), and closes; everything
 * may linger but what is gone; and everything dies, once. */
static const char *const table[PHASES] = {
    [GW_CONN_REQUEST] = ".ao*cld", /* "*": OPEN at once; "c": refused with a close code */
    [GW_CONN_ANSWER] = "r....ld",  [GW_CONN_OPENING] = ".a.*cld", [GW_CONN_OPEN] = "....cld",
    [GW_CONN_CLOSING] = ".....ld", [GW_CONN_LINGER] = "......d",  [GW_CONN_DEAD] = ".......",
};

static bool allowed(int pair)
{
    return table[pair / PHASES][pair % PHASES] != '.';
}

static void move(int pair)
{
    struct gw_conn conn = {.phase = (uint8_t)(pair / PHASES)};

    gw_conn_move(&conn, (enum gw_conn_phase)(pair % PHASES));
    ck_assert_int_eq(conn.phase, pair % PHASES);
}

START_TEST(every_move_of_the_table_is_made)
{
    if (allowed(_i))
        move(_i);
}
END_TEST

static int forbidden[PHASES * PHASES], forbidden_count;

START_TEST(every_other_move_aborts)
{
    move(forbidden[_i]);
}
END_TEST

START_TEST(a_handle_outlives_its_connection)
{
    struct gw_conn *conn;
    uint64_t handle;

    stage_begin(&stage_settings);
    stage_connect("127.0.0.1");
    conn = stage_last();
    handle = gw_conn_handle(stage.worker, conn);
    ck_assert_ptr_eq(gw_conn_find(stage.worker, handle), conn);
    gw_conn_kill(stage.worker, conn);
    ck_assert_ptr_null(gw_conn_find(stage.worker, handle)); /* marked is as good as gone */
    stage_go();
    ck_assert_ptr_null(gw_conn_find(stage.worker, handle));
    stage_connect("127.0.0.1"); /* in the same place */
    ck_assert_uint_eq(stage_last()->index, gw_handle_index(handle));
    ck_assert_ptr_null(gw_conn_find(stage.worker, handle));
    ck_assert_ptr_null(gw_conn_find(stage.worker, 0));
    ck_assert_ptr_null(gw_conn_find(stage.worker, UINT64_MAX));
    stage_end();
}
END_TEST

START_TEST(to_kill_twice_is_to_kill_once)
{
    stage_begin(&stage_settings);
    stage_connect("127.0.0.1");
    gw_conn_kill(stage.worker, stage_last());
    gw_conn_kill(stage.worker, stage_last());
    stage_go();
    ck_assert_uint_eq(stage.gone_count, 1);
    ck_assert_uint_eq(gw_worker_connections(stage.worker), 0);
    stage_end();
}
END_TEST

START_TEST(one_that_stands_in_the_line_may_be_killed)
{
    stage_begin(&stage_settings);
    for (int i = 0; i < 3; i++)
        stage_connect("127.0.0.1");
    for (uint32_t i = 0; i < 3; i++) {
        gw_conn_queue(stage.worker, gw_slab_at(stage.worker->conns, i));
        gw_conn_queue(stage.worker, gw_slab_at(stage.worker->conns, i)); /* once is enough */
    }
    ck_assert_uint_eq(stage.worker->line_count, 3);
    gw_conn_kill(stage.worker, gw_slab_at(stage.worker->conns, 1));
    stage_go();
    stage_go();
    ck_assert_uint_eq(gw_worker_connections(stage.worker), 2);
    ck_assert_uint_eq(stage.worker->line_count, 0);
    stage_end();
}
END_TEST

START_TEST(the_dead_are_not_queued_and_have_no_timer)
{
    struct gw_conn *conn;

    stage_begin(&stage_settings);
    stage_connect("127.0.0.1");
    conn = stage_last();
    gw_conn_kill(stage.worker, conn);
    gw_conn_queue(stage.worker, conn);
    gw_conn_set_due(stage.worker, conn, 0);
    gw_conn_linger(stage.worker, conn);
    ck_assert_uint_eq(stage.worker->line_count, 0);
    ck_assert_int_eq(conn->phase, GW_CONN_DEAD);
    stage_go();
    stage_end();
}
END_TEST

static const struct {
    uint64_t after_ns;
    bool due;
} times[] = {{0, false}, {999 * GW_NS_PER_MS, false}, {1016 * GW_NS_PER_MS, true}};

START_TEST(a_time_is_never_early_and_a_tick_late_at_most)
{
    struct gw_conn *conn;

    stage_begin(&stage_settings);
    stage_connect("127.0.0.1");
    conn = stage_last();
    gw_conn_set_due(stage.worker, conn, stage.now.mono_ns + GW_NS_PER_S);
    stage.worker->now.mono_ns += times[_i].after_ns;
    ck_assert_int_eq(gw_conn_is_due(stage.worker, conn), times[_i].due);
    stage_end();
}
END_TEST

START_TEST(who_lingers_is_gone_after_close_timeout)
{
    stage_begin(&stage_settings);
    stage_connect("127.0.0.1");
    gw_conn_linger(stage.worker, stage_last());
    gw_conn_linger(stage.worker, stage_last()); /* once is enough */
    ck_assert_uint_eq(stage.finish_count, 1);
    stage_wait(1900 * GW_NS_PER_MS, 100 * GW_NS_PER_MS);
    ck_assert_uint_eq(gw_worker_connections(stage.worker), 1);
    stage_wait(200 * GW_NS_PER_MS, 100 * GW_NS_PER_MS);
    ck_assert_uint_eq(gw_worker_connections(stage.worker), 0);
    stage_end();
}
END_TEST

static void fill(TCase *tests)
{
    const char *fork = getenv("CK_FORK");

    for (int pair = 0; pair < PHASES * PHASES; pair++)
        if (!allowed(pair))
            forbidden[forbidden_count++] = pair;
    tcase_add_loop_test(tests, every_move_of_the_table_is_made, 0, PHASES * PHASES);
    if (!fork || strcmp(fork, "no") != 0)
        tcase_add_loop_test_raise_signal(tests, every_other_move_aborts, SIGABRT, 0,
                                         forbidden_count);
    tcase_add_test(tests, a_handle_outlives_its_connection);
    tcase_add_test(tests, to_kill_twice_is_to_kill_once);
    tcase_add_test(tests, one_that_stands_in_the_line_may_be_killed);
    tcase_add_test(tests, the_dead_are_not_queued_and_have_no_timer);
    tcase_add_loop_test(tests, a_time_is_never_early_and_a_tick_late_at_most, 0, SUITE_ROWS(times));
    tcase_add_test(tests, who_lingers_is_gone_after_close_timeout);
}

int main(void)
{
    return suite_main("edge/conn", fill);
}
