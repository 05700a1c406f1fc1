#!/bin/bash
# What `make install` puts into place is enough for another program: C11 and C++, shared and static.
#
# usage: install_test.sh BUILD    the compiler is $CC; prints TAP
set -u
build=${1:?usage: install_test.sh BUILD}
work=$(mktemp -d "${TMPDIR:-/tmp}/godwit-install.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
count=0

result() { # result OK NAME
    count=$((count + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $count - $2"
    else
        echo "not ok $count - $2"
        sed 's/^/# /' "$work/log" | tail -n 30
    fi
}

case ${CC:-gcc} in
*clang*) CXX=clang++ ;;
*) CXX=g++ ;;
esac

# The program an embedder would write first: frame a message, and read it as the other end.
cat >"$work/use.c" <<'END'
#include <godwit/ws.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
    static const uint8_t mask[4] = {1, 2, 3, 4};
    struct gw_ws_options options = GW_WS_OPTIONS_INIT;
    struct gw_ws_event event;
    struct gw_ws_bytes in;
    struct gw_ws *ws;
    uint8_t wire[64];

    in.len = gw_ws_frame(wire, GW_WS_OP_TEXT, "hello", 5, mask);
    in.data = wire;
    if (gw_ws_new(&ws, &options) != 0 || gw_ws_read(ws, &in, &event) != 1)
        return 1;
    if (event.kind != GW_WS_TEXT || event.len != 5 || memcmp(event.data, "hello", 5) != 0)
        return 2;
    gw_ws_free(ws);
    printf("%s, %s\n", gw_version(), gw_strerror(GW_ERR_UTF8));
    return 0;
}
END
cp "$work/use.c" "$work/use.cc"

meson install -C "$build" --no-rebuild --destdir "$work/root" >"$work/log" 2>&1
result $? 'everything installs below a DESTDIR'

pc=$(find "$work/root" -name godwit.pc)
PKG_CONFIG_LIBDIR=${pc%/*}:$(pkg-config --variable pc_path pkg-config) # ours, and zlib's
export PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR=$work/root
libdir=$(dirname "${pc%/*}")
export LD_LIBRARY_PATH=$libdir
headers=$(dirname "$(find "$work/root" -name ws.h)")

pkg-config --print-errors --exists godwit 2>"$work/log"
result $? 'pkg-config knows godwit'
version=$(pkg-config --modversion godwit)

# uses NAME COMPILER... : the program compiles, links and prints the version that pkg-config names.
uses() {
    local name=$1
    shift
    "$@" -o "$work/use" >"$work/log" 2>&1 &&
        "$work/use" >"$work/said" 2>>"$work/log" && grep -q "^$version, " "$work/said"
    result $? "$name"
}

flags=(-Wall -Wextra -Wpedantic -Werror)
read -ra cflags < <(pkg-config --cflags godwit)
read -ra libs < <(pkg-config --libs godwit)
read -ra compiler <<<"${CC:-gcc}"
uses 'a C11 program with the shared library' \
    "${compiler[@]}" -std=c11 "${flags[@]}" "${cflags[@]}" "$work/use.c" "${libs[@]}"
uses 'a C11 program with the static library' \
    "${compiler[@]}" -std=c11 "${flags[@]}" "${cflags[@]}" "$work/use.c" "$libdir/libgodwit.a" -lz
uses 'a C++ program with the shared library' \
    "$CXX" -std=c++11 "${flags[@]}" "${cflags[@]}" "$work/use.cc" "${libs[@]}"
uses 'a C++ program with the static library' \
    "$CXX" -std=c++11 "${flags[@]}" "${cflags[@]}" "$work/use.cc" "$libdir/libgodwit.a" -lz

readelf -d "$libdir/libgodwit.so" >"$work/log"
grep -q 'SONAME.*\[libgodwit\.so\.0\]' "$work/log"
result $? 'the shared library is called libgodwit.so.0'

! grep NEEDED "$work/log" | grep -Eqv 'lib(c|z)\.so'
result $? 'it needs no library but the C library and zlib'

# Every function that the headers show, and nothing else, is to be seen from outside.
nm -D --defined-only "$libdir/libgodwit.so" | awk '{ print $3 }' | sort >"$work/seen"
cat "$headers"/*.h | grep -v '^#' | tr '\n' ' ' |
    grep -Eo 'GW_API [^(]*\(' | sed -E 's/.*(gw_[a-z_0-9]+)\($/\1/' | sort >"$work/shown"
diff "$work/shown" "$work/seen" >"$work/log"
result $? 'it shows the functions of its headers and no others'

read -r wanted < <(sed -n 's/^#define GW_VERSION_\(MAJOR\|MINOR\|PATCH\) //p' \
    "$headers/version.h" | paste -sd.)
echo "version.h says $wanted, pkg-config $version" >"$work/log"
[ "$wanted" = "$version" ]
result $? 'version.h and the build agree on the version'

echo "1..$count"
