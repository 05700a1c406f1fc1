"""A test harness of one page: cases with names and deadlines, told as TAP.

    @tap.case('a newcomer is greeted', seconds=5)
    def _(t):
        t.equal(greeting(), 'hello')

    tap.run()

Cases run one after the other in the order of their declaration. What t.after() was given runs when
the case is over, the last one first, however it ended. For a person at work on one case:
ONLY='part of a name' runs less, NOTES=1 shows the notes of cases that passed, too.
"""
import os
import signal
import sys
import traceback

_cases = []


class Case:
    """What a case gets: its complaints, its notes (shown when it fails) and its cleaning up."""

    def __init__(self):
        self.notes = []
        self._undo = []

    def note(self, text):
        self.notes.append(str(text))

    def after(self, function, *args):
        self._undo.append((function, args))

    def check(self, truth, why):
        if not truth:
            raise AssertionError(why)

    def equal(self, got, wanted, what='value'):
        if got != wanted:
            raise AssertionError(f'{what}: got {got!r}, wanted {wanted!r}')

    def clean_up(self):
        while self._undo:
            function, args = self._undo.pop()
            function(*args)


def case(name, seconds=30):
    """Declares a case. `seconds` is all it may take."""
    def declare(body):
        assert all(name != other for other, _, _ in _cases), f'two cases are called "{name}"'
        _cases.append((name, seconds, body))
        return body
    return declare


def _late(_number, _frame):
    raise TimeoutError('the case took longer than it may')


def _attempt(function, *args):
    """None, or the lines that say what went wrong."""
    try:
        function(*args)
    except Exception as error:  # whatever it is, the other cases go on
        where = [f'{os.path.basename(frame.filename)}:{frame.lineno} {frame.line}'
                 for frame in traceback.extract_tb(error.__traceback__)[1:]]
        return [f'{type(error).__name__}: {error}', *where]
    return None


def _run_one(seconds, body):
    t = Case()
    signal.setitimer(signal.ITIMER_REAL, seconds)
    wrong = _attempt(body, t)
    signal.setitimer(signal.ITIMER_REAL, 20)
    wrong_after = _attempt(t.clean_up)
    signal.setitimer(signal.ITIMER_REAL, 0)
    return (wrong or []) + (['cleaning up:'] + wrong_after if wrong_after else []), t.notes


def run():
    """Runs every declared case and ends the process."""
    only = os.environ.get('ONLY', '')
    todo = [one for one in _cases if only in one[0]]
    failed = 0

    signal.signal(signal.SIGALRM, _late)
    print(f'TAP version 13\n1..{len(todo)}', flush=True)
    for number, (name, seconds, body) in enumerate(todo, 1):
        wrong, notes = _run_one(seconds, body)
        failed += bool(wrong)
        print(f'{"not ok" if wrong else "ok"} {number} - {name}')
        said = wrong + notes if wrong or os.environ.get('NOTES') else []
        for line in '\n'.join(said).splitlines():
            print(f'#   {line}')
        sys.stdout.flush()
    sys.exit(1 if failed or not todo else 0)
