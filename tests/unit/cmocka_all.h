/* cmocka, and the check that most tests begin with. */
#ifndef LEAT_TEST_CMOCKA_ALL_H
#define LEAT_TEST_CMOCKA_ALL_H

/* cmocka wants these before itself, in this order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"

/* CALL gives the status EXPECTED; else the test fails with the words of ERROR. */
#define CHECK_CALL(call, expected, error)                                                          \
    do {                                                                                           \
        status_code got_ = (call);                                                                 \
        if (got_ != (expected))                                                                    \
            fail_msg("%s: %s: %s", #call, status_text(got_), (error)->text);                       \
    } while (0)

#endif
