"""The stand-in Argo CD: its HTTP API over a controller and cluster that move in time.

Modelled on Argo CD v3.5.1. Nothing of the vendor's code is here, only its observable behaviour.
"""

from qbot.sandbox.argocd.standin import TOKEN, ArgoCDStandIn

__all__ = ["TOKEN", "ArgoCDStandIn"]
