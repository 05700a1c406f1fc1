/* route_test.c - a path finds its route, and what stands for the braces is one segment. */
#include "edge/route.h"

#include "lib/suite.h"

static const struct gw_route channel = {.path = "/channels/{channel}"};
static const struct gw_route history = {.path = "/channels/{channel}/history"};
static const struct gw_route echo = {.path = "/echo"};
static const struct gw_route page = {.path = "/"};

static const struct gw_route *const routes[] = {&channel, &history, &echo, &page};

static const struct {
    const char *path;
    const struct gw_route *route;
    const char *param; /* NULL: none */
} rows[] = {
    {"/", &page, NULL},
    {"//", NULL, NULL},
    {"", NULL, NULL},
    {"/echo", &echo, NULL},
    {"/echo/", NULL, NULL},
    {"//echo", NULL, NULL},
    {"/Echo", NULL, NULL},
    {"/ech", NULL, NULL},
    {"/echoo", NULL, NULL},
    {"echo", NULL, NULL},
    {"/echo/more", NULL, NULL},
    {"/channels", NULL, NULL},
    {"/channels/", NULL, NULL},
    {"/channels//", NULL, NULL},
    {"/channels/news", &channel, "news"},
    {"/channels/news/", NULL, NULL},
    {"/channels//news", NULL, NULL},
    {"//channels/news", NULL, NULL},
    {"/channels/a,b", &channel, "a,b"},
    {"/channels/a%2Fb", &channel, "a%2Fb"},
    {"/channels/%2e%2e", &channel, "%2e%2e"},
    {"/channels/%00", &channel, "%00"},
    {"/channels/{channel}", &channel, "{channel}"},
    {"/channels/{", &channel, "{"},
    {"/channels/news/history", &history, "news"},
    {"/channels/history", &channel, "history"},
    {"/channels//history", NULL, NULL},
    {"/channels/news//history", NULL, NULL},
    {"/channels/news/history/", NULL, NULL},
    {"/channels/news/History", NULL, NULL},
    {"/%63hannels/news", NULL, NULL}, /* our own words are not encoded */
};

START_TEST(a_path_finds_its_route)
{
    struct gw_str param = {"x", 1};
    const struct gw_route *found =
        gw_route_find(routes, sizeof(routes) / sizeof(routes[0]), GW_STR(rows[_i].path), &param);

    ck_assert_ptr_eq(found, rows[_i].route);
    if (!found)
        return;
    ck_assert_uint_eq(param.len, rows[_i].param ? strlen(rows[_i].param) : 0);
    if (rows[_i].param)
        ck_assert_mem_eq(param.data, rows[_i].param, param.len);
}
END_TEST

/* The path lies within a request: nothing behind it is looked at. */
START_TEST(a_path_ends_where_its_length_says)
{
    static const char text[] = "/channels/news HTTP/1.1";
    struct gw_str param;

    for (size_t len = 0; len <= strlen("/channels/news"); len++) {
        const struct gw_route *found = gw_route_find(routes, sizeof(routes) / sizeof(routes[0]),
                                                     (struct gw_str){text, len}, &param);

        ck_assert_ptr_eq(found, len == 1 ? &page : len > strlen("/channels/") ? &channel : NULL);
        if (found == &channel)
            ck_assert_uint_eq(param.len, len - strlen("/channels/"));
    }
}
END_TEST

START_TEST(without_routes_nothing_is_found)
{
    struct gw_str param;

    ck_assert_ptr_null(gw_route_find(routes, 0, GW_STR("/echo"), &param));
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_loop_test(tests, a_path_finds_its_route, 0, SUITE_ROWS(rows));
    tcase_add_test(tests, a_path_ends_where_its_length_says);
    tcase_add_test(tests, without_routes_nothing_is_found);
}

int main(void)
{
    return suite_main("edge/route", fill);
}
