"""A lease, and how one is lost."""

from qbot.domain.lease import Lease


def held() -> Lease:
    lease = Lease(30.0)
    lease.renew(lease.now())
    return lease


def lapse(lease: Lease) -> None:
    lease.renew(lease.now() - 30)


def lapse_and_take_anew(lease: Lease) -> None:
    lapse(lease)
    lease.renew(lease.now())
