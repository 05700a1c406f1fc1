#!/bin/bash
# Whoever breaks src/ROOMS does not get a build: shown by breaking it in a copy of the tree.
#
# usage: rooms_test.sh ROOT    the compiler is $CC; prints TAP
set -u
root=${1:?usage: rooms_test.sh ROOT}
copy=$(mktemp -d "${TMPDIR:-/tmp}/godwit-rooms.XXXXXX") || exit 1
trap 'rm -rf "$copy"' EXIT
count=0

result() { # result OK NAME: one line of TAP, and what the build said where it is not as expected
    count=$((count + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $count - $2"
    else
        echo "not ok $count - $2"
        sed 's/^/# /' "$copy/log" | tail -n 30
    fi
}

build() {
    ninja -C "$copy/build" >"$copy/log" 2>&1
}

builds() { # builds NAME
    build
    result $? "$1"
}

# fails NAME PATTERN: the build fails, and says so with a line like PATTERN.
fails() {
    ! build && grep -Eq "$2" "$copy/log"
    result $? "$1"
}

first_source() { # first_source ROOM: some file of that room that is compiled
    find "$copy/src/$1" -maxdepth 1 -name '*.c' | LC_ALL=C sort | head -n 1
}

# plant FILE TEXT: adds to a source; heal FILE takes it out again.
plant() {
    cp -p "$1" "$copy/healthy"
    printf '%s\n' "$2" >>"$1"
}

heal() {
    cp "$copy/healthy" "$1" # a new time, or Ninja would not look at it again
}

mkdir "$copy/tests"
(cd "$root" && cp -r src include web tools meson.build meson_options.txt "$copy")
cp "$root/tests/meson.build" "$copy/tests"
if ! meson setup "$copy/build" "$copy" -Dtests=false -Doptimization=0 -Ddebug=false \
    >"$copy/log" 2>&1; then
    sed 's/^/# /' "$copy/log"
    echo 'Bail out! the copy cannot be configured'
    exit 1
fi

echo '1..10'
builds 'the tree as it is builds'

file=$(first_source loop)
plant "$file" '#include "proto/http/head.h"'
fails 'an include that the row does not name fails the build' \
    '^src/loop/.*\.c:[0-9]+: loop may not include proto/http/head\.h: its row .*proto/http'
heal "$file"

echo '#include "edge/api/planted.h"' >"$copy/src/edge/front/planted.c"
fails 'an include of a sister fails the build' \
    '^src/edge/front/planted\.c:1: .*sisters never meet; move what they share down into edge$'
rm "$copy/src/edge/front/planted.c"

file=$(first_source core)
plant "$file" '#include <time.h>'
fails 'a pure room that includes a header of the machine fails the build' \
    '^src/core/.*\.c:[0-9]+: core is a pure room and may not include <time\.h>'
heal "$file"

plant "$file" 'extern long time(long *);
long gw_planted(void);
long gw_planted(void) { return time(0); }'
fails 'a pure room that calls the machine without a header fails the build' \
    "^src/core/$(basename "$file"): core is a pure room and uses time"
heal "$file"

plant "$file" 'extern int gw_planted_global; int gw_planted_global = 1;'
fails 'a pure room with a variable of the whole program fails the build' \
    "^src/core/$(basename "$file"): core is a pure room and gw_planted_global is a variable"
heal "$file"

# A prototype written by hand: no include betrays it.
called=$(first_source proto/http)
caller=$(first_source loop)
cp "$called" "$copy/called"
printf '%s\n' 'int gw_planted(void); int gw_planted(void) { return 1; }' >>"$called"
plant "$caller" 'extern int gw_planted(void);
int gw_plant(void);
int gw_plant(void) { return gw_planted(); }'
fails 'a call that goes past the headers fails the build' \
    "^src/loop/$(basename "$caller"): loop uses gw_planted of proto/http, which its row"
heal "$caller"
cp "$copy/called" "$called"

cp "$copy/src/ROOMS" "$copy/rooms"
sed -i 's/^core  *| pure |  */core | pure | hub /' "$copy/src/ROOMS"
"$copy/tools/check-rooms" >"$copy/log" 2>&1
[ $? -eq 1 ] && grep -q '^src/ROOMS:[0-9]*: core names hub, which is not above it' "$copy/log"
result $? 'a row that names a row below it is refused'
cp "$copy/rooms" "$copy/src/ROOMS"

mkdir "$copy/src/attic"
echo '#include "core/buf.h"' >"$copy/src/attic/thing.c"
fails 'a folder with sources and no row fails the build' \
    '^src/attic/thing\.c:1: src/attic has sources'
rm -r "$copy/src/attic"

builds 'with the plants taken out the tree builds again'
