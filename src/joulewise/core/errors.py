"""Every error that joulewise raises on purpose, in one tree.

JoulewiseError                 error                1
├── UsageError                 usage                2   an argument, option or setting is wrong
│   ├── UnknownSetting         unknown-setting      2
│   ├── OutOfRange             out-of-range         2   a value leaves its physical range, or is NaN
│   ├── NotFound               not-found            2   no run, factor, zone or plug-in of that name
│   └── ImpossibleWindow       impossible-window    2   a job does not fit between its release and its deadline
├── PluginMissing              plugin-missing       4   a plug-in or the package that it needs is absent
├── MeterUnavailable           meter-unavailable    5   a counter can't be read now: a gap, never zero
├── JournalError               journal              6   the journal can't be written or read
├── LedgerError                ledger               7   the store refuses
│   ├── LedgerTampered         ledger-tampered      3   a stored byte was changed
│   └── LedgerSchema           ledger-schema        7   the store is newer or older than this version
├── FactorError                factor               8   a factor is unknown, expired or of the wrong kind
│   ├── SignalMismatch         signal-mismatch      8   average with marginal, lifecycle with direct, ...
│   └── ProviderUnavailable    provider             8   a live source of intensities gives no usable answer
├── ExecutorError              executor            10   a place to run jobs refuses, or is not there
├── ModelError                 model               11   a model can't be loaded, run or changed
│   └── UntrustedModel         untrusted-model     11   loading it would run code from the file
├── DataError                  data                12   rows can't be read, or don't fit the model
└── UndefinedFigure            undefined            9   a sum over nothing, a ratio to zero

`code` is stable for machines, `exit_code` for shells, `hint` says the cure.
Exit codes 0 and 1 follow the usual meaning; 3 is reserved for broken integrity.
"""

from __future__ import annotations


class JoulewiseError(Exception):
    """Base of all our errors; `str(error)` is the message with its cure."""

    code = "error"
    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(f"{message}\nTry: {hint}" if hint else message)
        self.message = message
        self.hint = hint


class UsageError(JoulewiseError):
    """An argument, option or setting is wrong."""

    code, exit_code = "usage", 2


class UnknownSetting(UsageError):
    """A setting that we do not know: refused, since a typing error would otherwise pass silently."""

    code = "unknown-setting"


class OutOfRange(UsageError, ValueError):
    """A value leaves its physical range, or is NaN."""

    code = "out-of-range"


class NotFound(UsageError, LookupError):
    """No run, factor, zone or plug-in of that name."""

    code = "not-found"


class ImpossibleWindow(UsageError):
    """A job does not fit between its release and its deadline."""

    code = "impossible-window"


class PluginMissing(JoulewiseError, ImportError):
    """A plug-in, or the package that it needs, is not installed."""

    code, exit_code = "plugin-missing", 4


class MeterUnavailable(JoulewiseError):
    """A counter exists but cannot be read now. Record a gap, never zero joules."""

    code, exit_code = "meter-unavailable", 5


class JournalError(JoulewiseError):
    """A journal cannot be written, or holds nothing that can be read."""

    code, exit_code = "journal", 6


class LedgerError(JoulewiseError):
    """The store refuses what was asked."""

    code, exit_code = "ledger", 7


class LedgerTampered(LedgerError):
    """A stored byte differs from what the audit chain says."""

    code, exit_code = "ledger-tampered", 3


class LedgerSchema(LedgerError):
    """The store was written by another version of the schema."""

    code = "ledger-schema"


class FactorError(JoulewiseError):
    """A factor is unknown, expired or of the wrong kind."""

    code, exit_code = "factor", 8


class SignalMismatch(FactorError):
    """Arithmetic across kinds or bases: average with marginal, lifecycle with direct."""

    code = "signal-mismatch"


class ProviderUnavailable(FactorError):
    """A live source of intensities gives no usable answer now; a chain of sources goes on to the next."""

    code = "provider"


class ExecutorError(JoulewiseError):
    """A place to run jobs (this machine, Slurm, Ray, Kubernetes) refuses what was asked, or is not there."""

    code, exit_code = "executor", 10


class ModelError(JoulewiseError):
    """A model can't be loaded, run, exported or changed; the hint says what would work."""

    code, exit_code = "model", 11


class UntrustedModel(ModelError):
    """Loading the file would run code that it brings (a pickle, a factory): only the user can say that he trusts it."""

    code = "untrusted-model"


class DataError(JoulewiseError):
    """Rows that judge or calibrate a model can't be read, or don't fit it: shapes, names, types, NaN, too few."""

    code, exit_code = "data", 12


class UndefinedFigure(JoulewiseError, ArithmeticError):
    """A sum over nothing or a ratio to zero: there is no figure, and zero would be a lie."""

    code, exit_code = "undefined", 9
