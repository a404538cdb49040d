"""What ``counterfoil-broker doctor`` looks at: each module yields findings about one part of a deployment.

Nothing is changed but one file that is written to the storage and removed. No finding holds a secret, an address with
one, or anything of a party but the fingerprint of the broker's own card.
"""
