"""The application controller of the stand-in Argo CD, and the cluster behind it."""
