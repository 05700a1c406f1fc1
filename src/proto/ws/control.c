#include "proto/ws/control.h"

#include "core/utf8.h"

#define CODE_LEN 2u

/* Close codes of section 7.4.1 that we send, or report. */
enum {
    CODE_PROTOCOL = 1002,
    CODE_NONE = 1005,
    CODE_DATA = 1007,
    CODE_POLICY = 1008,
    CODE_TOO_BIG = 1009,
    CODE_OUR_FAULT = 1011
};

/* Section 5.5.1: nothing, or a code and perhaps a reason. */
static int close_event(uint8_t *payload, size_t len, struct gw_ws_event *event)
{
    event->kind = GW_WS_CLOSE;
    event->close_code = CODE_NONE;
    event->data = payload;
    event->len = len;
    if (len == 0)
        return 1;
    if (len < CODE_LEN)
        return GW_ERR_PROTOCOL;

    event->close_code = (uint16_t)(payload[0] << 8 | payload[1]);
    event->data += CODE_LEN;
    event->len -= CODE_LEN;
    if (event->headroom > 0)
        event->headroom += CODE_LEN;
    if (!gw_ws_close_code_valid(event->close_code))
        return GW_ERR_PROTOCOL;
    return gw_utf8_valid(event->data, event->len) ? 1 : GW_ERR_UTF8;
}

int gw_ws_control_event(uint8_t opcode, uint8_t *payload, size_t len, struct gw_ws_event *event)
{
    if (opcode == GW_WS_OP_CLOSE)
        return close_event(payload, len, event);
    event->kind = opcode == GW_WS_OP_PING ? GW_WS_PING : GW_WS_PONG;
    event->data = payload;
    event->len = len;
    return 1;
}

uint16_t gw_ws_control_code(int reason)
{
    switch (reason) {
    case GW_ERR_PROTOCOL:
        return CODE_PROTOCOL;
    case GW_ERR_UTF8:
    case GW_ERR_DAMAGED:
        return CODE_DATA;
    case GW_ERR_TOO_MANY:
        return CODE_POLICY;
    case GW_ERR_TOO_BIG:
        return CODE_TOO_BIG;
    default:
        return CODE_OUR_FAULT;
    }
}
