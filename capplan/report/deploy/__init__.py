"""What people run: launch commands and Kubernetes manifests of a plan."""
