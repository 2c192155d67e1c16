#!/bin/sh
# Everything one does with this repository, on a machine that has nothing but Python.
set -eu

usage() {
    cat <<'USAGE'
usage: ./its.sh COMMAND [ARGUMENT...]

  run [ARGUMENT...]     start the platform (what `python -m integrated_trading_system` takes)
  test                  check, then run all tests
  test ARGUMENT...      run pytest alone with these arguments
  check                 lint, types, import contracts, hygiene; no tests
  bench [NAME...]       run benchmarks/NAME.py, all of them by default
  setup                 make or repair .venv, nothing else
  referees              make or repair .venv-referees: exchange clients that others wrote, for tests
  lock                  resolve the dependencies anew into the locks

.venv is made on first use with $PYTHON, or python3. Commands run in the repository's
folder, so paths in arguments are relative to it.
USAGE
}

cd "$(dirname -- "$0")"
root=$(pwd -P)
python=$root/.venv/bin/python
stamp=$root/.venv/its-stamp
uv_version=0.13.9

say() {
    printf '%s\n' "its: $*" >&2
}

die() {
    say "$*"
    exit 1
}

# What a finished .venv was made from: where it stands (its scripts hold that path) and what is in it.
place() {
    printf 'place %s\n' "$root"
}

content() {
    printf 'content uv %s, %s\n' "$uv_version" "$(cat requirements.lock pyproject.toml | cksum)"
}

uv() {
    "$python" -m uv --quiet "$@" --python "$python"
}

install() {
    # hatchling comes from the lock, so the editable install needs nothing of its own
    "$python" -m pip install --quiet --disable-pip-version-check "uv==$uv_version" &&
        uv pip install --require-hashes --requirement requirements.lock &&
        uv pip install --no-deps --no-build-isolation --editable .
}

# The stamp is written last and removed first: a .venv without it was left half-made and is made afresh.
setup() {
    if [ -f "$stamp" ] && [ -x "$python" ] && [ "$(cat "$stamp")" = "$(place; content)" ]; then
        return
    fi
    if [ -f "$stamp" ] && [ -x "$python" ] && [ "$(head -n 1 "$stamp")" = "$(place)" ]; then
        say "dependencies changed, updating .venv"
    else
        base=${PYTHON:-python3}
        command -v "$base" >/dev/null 2>&1 || die "Python 3.11 or newer is needed, and '$base' was not found; set PYTHON"
        "$base" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
            die "Python 3.11 or newer is needed, and '$base' is $("$base" -V 2>&1); set PYTHON"
        say "making .venv with $("$base" -V 2>&1), once"
        rm -rf .venv
        "$base" -m venv .venv || die "no virtual environment could be made (on Debian: apt install python3-venv)"
    fi
    rm -f "$stamp"
    install || die "set-up did not finish; the next call starts it again"
    { place; content; } >"$stamp.part"
    mv "$stamp.part" "$stamp"
}

# What judges the simulated exchanges in tests/referees never shares an environment with what it judges.
referees() {
    home=$root/.venv-referees
    made_from=$(place; printf 'content uv %s, %s\n' "$uv_version" "$(cksum <tests/referees/requirements.lock)")
    if [ -f "$home/its-stamp" ] && [ "$(cat "$home/its-stamp")" = "$made_from" ]; then
        return
    fi
    say "making .venv-referees, once"
    rm -rf "$home"
    "$python" -m venv --without-pip "$home" &&
        "$python" -m uv --quiet pip install --python "$home/bin/python" --require-hashes \
            --requirement tests/referees/requirements.lock ||
        die "the referees were not installed; the next call starts it again"
    printf '%s\n' "$made_from" >"$home/its-stamp"
}

failed=

step() {
    name=$1
    shift
    printf '== %s\n' "$name"
    "$@" || failed="$failed${failed:+, }$name"
}

# At the configured confidence an "unused variable" is an argument: a protocol's method need not use each of its
# own, and those of plain functions are ruff's (ARG001).
dead_code() {
    code=0
    found=$("$bin/vulture") || code=$?
    case $code in
        0 | 3) ! printf '%s\n' "$found" | grep . | grep -v ": unused variable '" ;;
        *) printf '%s\n' "$found" && return 1 ;;
    esac
}

check() {
    bin=$root/.venv/bin
    step "ruff check" "$bin/ruff" check --quiet
    step "ruff format" "$bin/ruff" format --check --quiet
    step "mypy" "$python" -m mypy
    step "import contracts" "$bin/lint-imports" --no-logo
    step "codespell" "$bin/codespell"
    step "deptry" "$bin/deptry" .
    step "vulture" dead_code
    if [ -f docker/Dockerfile ]; then
        step "hadolint" "$bin/hadolint" docker/Dockerfile
    fi
    if [ -n "$failed" ]; then
        printf '== FAILED: %s\n' "$failed"
    else
        printf '== all checks passed\n'
    fi
}

# Tests with servers and clients in real time lose to a busy machine what no user would: what failed of them beside
# others is run once more, alone, and named. Whatever else failed has failed: there chance has no part.
again() {
    [ "$1" -eq 1 ] || exit "$1"
    if grep '::' .pytest_cache/v/cache/lastfailed | grep -qvE '"tests/(integration|referees)/'; then
        exit 1
    fi
    printf '== pytest, once more and alone: what failed beside others\n'
    "$python" -m pytest --last-failed --last-failed-no-failures none || exit
}

bench() {
    if [ $# -eq 0 ]; then
        for file in benchmarks/[a-z]*.py; do
            [ -f "$file" ] || die "there are no benchmarks yet"
            set -- "$@" "$(basename "$file" .py)"
        done
    fi
    for name in "$@"; do
        step "$name" "$python" "benchmarks/$name.py"
    done
}

# Locks are committed, so they hold neither addresses nor paths.
compile() {
    uv pip compile --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "./its.sh lock" "$@" >/dev/null
}

lock() {
    compile pyproject.toml --upgrade --group dev --output-file requirements.lock
    compile pyproject.toml --constraints requirements.lock --output-file docker/requirements.lock
    compile tests/referees/requirements.in --upgrade --output-file tests/referees/requirements.lock
    if grep -n '://' requirements.lock docker/requirements.lock tests/referees/requirements.lock; then
        die "an address got into a lock"
    fi
}

command=${1:-help}
[ $# -eq 0 ] || shift
case $command in
    run)
        setup
        exec "$python" -m integrated_trading_system "$@"
        ;;
    test)
        setup
        if [ $# -gt 0 ]; then
            exec "$python" -m pytest "$@"
        fi
        referees
        check
        printf '== pytest\n'
        # pytest comes last, so its summary is the last line whatever happened before
        "$python" -m pytest -n 2 --dist loadgroup || again $?
        [ -z "$failed" ]
        ;;
    check)
        setup
        check
        [ -z "$failed" ]
        ;;
    bench)
        setup
        bench "$@"
        [ -z "$failed" ]
        ;;
    setup) setup ;;
    referees)
        [ -x "$python" ] || setup # tests ask for this while .venv runs them: it must hold still
        referees
        ;;
    lock)
        setup
        lock
        ;;
    help | -h | --help) usage ;;
    *)
        usage >&2
        exit 2
        ;;
esac
