/* link_test.c - a list keeps its order, and a link that is in none points at itself. */
#include "core/link.h"

#include "lib/suite.h"

struct thing {
    int number;
    struct gw_link link;
};

static struct thing *thing_of(struct gw_link *link)
{
    return GW_CONTAINER(link, struct thing, link);
}

START_TEST(links_come_in_the_order_they_were_appended)
{
    struct gw_link list;
    struct thing things[3];

    gw_link_init(&list);
    ck_assert(gw_link_empty(&list));
    ck_assert_ptr_null(gw_link_first(&list));
    for (int i = 0; i < 3; i++) {
        things[i].number = i;
        gw_link_append(&list, &things[i].link);
    }
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(thing_of(gw_link_first(&list))->number, i);
        gw_link_remove(&things[i].link);
    }
    ck_assert(gw_link_empty(&list));
}
END_TEST

START_TEST(removing_from_the_middle_joins_both_ends)
{
    struct gw_link list;
    struct thing things[3];

    gw_link_init(&list);
    for (int i = 0; i < 3; i++)
        gw_link_append(&list, &things[i].link);
    gw_link_remove(&things[1].link);
    ck_assert_ptr_eq(things[0].link.next, &things[2].link);
    ck_assert_ptr_eq(things[2].link.prev, &things[0].link);
    ck_assert_ptr_eq(things[2].link.next, &list);
    ck_assert_ptr_eq(list.prev, &things[2].link);
}
END_TEST

START_TEST(removing_twice_harms_nobody)
{
    struct gw_link list;
    struct thing things[2];

    gw_link_init(&list);
    gw_link_append(&list, &things[0].link);
    gw_link_append(&list, &things[1].link);
    gw_link_remove(&things[0].link);
    ck_assert(gw_link_empty(&things[0].link));
    gw_link_remove(&things[0].link);
    ck_assert_ptr_eq(gw_link_first(&list), &things[1].link);
    gw_link_append(&list, &things[0].link);
    ck_assert_ptr_eq(list.prev, &things[0].link);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, links_come_in_the_order_they_were_appended);
    tcase_add_test(tests, removing_from_the_middle_joins_both_ends);
    tcase_add_test(tests, removing_twice_harms_nobody);
}

int main(void)
{
    return suite_main("core/link", fill);
}
