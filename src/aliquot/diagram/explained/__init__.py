"""The modes explained in the language of the picture: `ways` says what stands in each, `pictures`
lays that out, and whatever draws the architecture picture draws these.
"""
