/* auth_test.c - keys, and who may do what with them. */
#include "auth/auth.h"

#include <check.h>
#include <stdlib.h>

#include <godwit/status.h>

static const struct gw_str keys[] = {{"first-key", 9}, {"", 0}, {"second-key", 10}};

static const struct {
    const char *credential; /* NULL: none given */
    int expect;
    enum gw_grant_kind kind;
} credentials[] = {
    {NULL, 0, GW_GRANT_NOBODY},
    {"first-key", 0, GW_GRANT_API_KEY},
    {"second-key", 0, GW_GRANT_API_KEY},
    {"", GW_ERR_CREDENTIAL, 0},
    {"first-ke", GW_ERR_CREDENTIAL, 0},
    {"first-keyy", GW_ERR_CREDENTIAL, 0},
    {"irst-key", GW_ERR_CREDENTIAL, 0},
    {"First-key", GW_ERR_CREDENTIAL, 0},
    {"first-kez", GW_ERR_CREDENTIAL, 0},
    {" first-key", GW_ERR_CREDENTIAL, 0},
    {"first-key,second-key", GW_ERR_CREDENTIAL, 0},
    {"wrong", GW_ERR_CREDENTIAL, 0},
};

/* In open mode as well: a credential that is wrong is refused even where none is needed. */
START_TEST(only_a_whole_key_is_a_credential)
{
    const char *text = credentials[_i].credential;
    struct gw_str credential = {text, text ? strlen(text) : 0};

    for (int open = 0; open <= 1; open++) {
        struct gw_auth auth = {.open = open, .api_keys = keys, .api_key_count = 3};
        struct gw_grant grant = {.kind = 77};

        ck_assert_int_eq(gw_auth_identify(&auth, credential, &grant), credentials[_i].expect);
        ck_assert_int_eq(grant.kind, credentials[_i].expect ? 77 : (int)credentials[_i].kind);
    }
}
END_TEST

START_TEST(where_no_key_is_configured_none_fits)
{
    struct gw_auth auth = {.api_keys = keys + 1, .api_key_count = 0};
    struct gw_grant grant = {.kind = 77};

    ck_assert_int_eq(gw_auth_identify(&auth, GW_STR("x"), &grant), GW_ERR_CREDENTIAL);
    ck_assert_int_eq(gw_auth_identify(&auth, GW_STR(""), &grant), GW_ERR_CREDENTIAL);
    auth.api_key_count = 1; /* the empty one */
    ck_assert_int_eq(gw_auth_identify(&auth, GW_STR(""), &grant), GW_ERR_CREDENTIAL);
    ck_assert_int_eq(gw_auth_identify(&auth, (struct gw_str){NULL, 0}, &grant), 0);
    ck_assert_int_eq(grant.kind, GW_GRANT_NOBODY);
}
END_TEST

static const struct {
    bool open;
    uint8_t kind;
    enum gw_action action;
    int expect;
} permissions[] = {
    {true, GW_GRANT_NOBODY, GW_TO_SUBSCRIBE, 0},
    {true, GW_GRANT_NOBODY, GW_TO_PUBLISH, 0},
    {true, GW_GRANT_NOBODY, GW_TO_ADMINISTER, GW_ERR_CREDENTIAL},
    {true, GW_GRANT_API_KEY, GW_TO_SUBSCRIBE, 0},
    {true, GW_GRANT_API_KEY, GW_TO_PUBLISH, 0},
    {true, GW_GRANT_API_KEY, GW_TO_ADMINISTER, 0},
    {false, GW_GRANT_NOBODY, GW_TO_SUBSCRIBE, 0},
    {false, GW_GRANT_NOBODY, GW_TO_PUBLISH, GW_ERR_CREDENTIAL},
    {false, GW_GRANT_NOBODY, GW_TO_ADMINISTER, GW_ERR_CREDENTIAL},
    {false, GW_GRANT_API_KEY, GW_TO_SUBSCRIBE, 0},
    {false, GW_GRANT_API_KEY, GW_TO_PUBLISH, 0},
    {false, GW_GRANT_API_KEY, GW_TO_ADMINISTER, 0},
    /* A grant that nobody gave out is good for nothing. */
    {true, 200, GW_TO_SUBSCRIBE, GW_ERR_DENIED},
    {true, 200, GW_TO_PUBLISH, GW_ERR_DENIED},
    {true, 200, GW_TO_ADMINISTER, GW_ERR_DENIED},
    {false, 200, GW_TO_SUBSCRIBE, GW_ERR_DENIED},
};

START_TEST(the_one_question_has_these_answers)
{
    struct gw_auth auth = {.open = permissions[_i].open};
    struct gw_grant grant = {.kind = permissions[_i].kind};

    ck_assert_int_eq(gw_may(&auth, &grant, permissions[_i].action, GW_STR("lobby")),
                     permissions[_i].expect);
    ck_assert_int_eq(gw_may(&auth, &grant, permissions[_i].action, GW_STR("")),
                     permissions[_i].expect);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("auth/auth");
    TCase *tests = tcase_create("auth");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, only_a_whole_key_is_a_credential, 0, COUNT(credentials));
    tcase_add_test(tests, where_no_key_is_configured_none_fits);
    tcase_add_loop_test(tests, the_one_question_has_these_answers, 0, COUNT(permissions));
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
