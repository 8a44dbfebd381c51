//! What the company makes: forty kinds of things, five of each category, each in five finishes.

/// A kind of thing, such as a chopping board.
pub(super) struct Kind {
    pub(super) category: &'static str,
    pub(super) name: &'static str,
    /// The price in the plainest finish.
    pub(super) cents: i32,
    pub(super) finishes: &'static [Finish; 5],
    pub(super) summary: &'static str,
    pub(super) details: &'static str,
}

/// What a thing is made of or coloured with.
pub(super) struct Finish {
    pub(super) name: &'static str,
    /// The price, in percent of the plainest finish.
    pub(super) percent: i32,
    pub(super) note: &'static str,
}

const fn finish(name: &'static str, percent: i32, note: &'static str) -> Finish {
    Finish { name, percent, note }
}

const WOODS: &[Finish; 5] = &[
    finish("Beech", 100, "Beech is pale, even and hard: the wood of workbenches. Oil it once a year."),
    finish("Ash", 105, "Ash is light, tough and boldly grained. It takes a knock and springs back."),
    finish("Oak", 115, "Oak from managed forests, dried for two years. It turns to honey in the light."),
    finish("Cherry", 130, "Cherry begins pink and darkens to a deep red-brown within its first summer."),
    finish("Walnut", 150, "Walnut is dark, calm and fine-grained. It needs a little oil and nothing else."),
];

const METALS: &[Finish; 5] = &[
    finish("Steel", 100, "Brushed stainless steel. It does not rust; a damp cloth is all that it asks for."),
    finish("Aluminium", 105, "Anodised aluminium, most of it recycled: light in the hand, soft to look at."),
    finish("Iron", 110, "Blackened iron, sealed with wax. It wears to a sheen where it is touched."),
    finish("Brass", 135, "Solid brass without lacquer. It darkens with use; a lemon brings the shine back."),
    finish("Copper", 150, "Solid copper without lacquer. Every fingerprint stays until you polish it away."),
];

const CLOTHS: &[Finish; 5] = &[
    finish("Ecru", 100, "Undyed: the colour of the fibre, with a fleck here and there."),
    finish("Moss", 108, "Dyed a dry, dark green in the yarn, so that it fades evenly or not at all."),
    finish("Rust", 108, "Dyed a warm red-brown in the yarn. Wash it apart the first time."),
    finish("Indigo", 115, "Dyed with indigo in nine dips. The blue rubs off a little at first, like good jeans."),
    finish("Charcoal", 108, "Dyed a soft black in the yarn. It hides what an honest day leaves behind."),
];

const GLAZES: &[Finish; 5] = &[
    finish("White", 100, "A milk-white glaze that pools at the edges and lets the clay show through."),
    finish("Slate", 105, "A matt grey glaze, dry to the touch and smooth to the spoon."),
    finish("Ochre", 105, "A yellow glaze of iron and ash. No two pieces come out of the kiln alike."),
    finish("Celadon", 120, "A clear green glaze that is thicker, and so darker, wherever the clay dips."),
    finish("Midnight", 110, "A blue so dark that it is black until the sun comes round."),
];

const LEATHERS: &[Finish; 5] = &[
    finish("Tan leather", 100, "Vegetable-tanned leather, left as it is. It darkens in the sun and with your hands."),
    finish("Chestnut leather", 105, "Vegetable-tanned leather, dyed through. Scratches rub out with a thumb."),
    finish("Black leather", 105, "Vegetable-tanned leather, dyed through and waxed. It stays black."),
    finish("Olive leather", 110, "Vegetable-tanned leather in the green of an old rucksack, dyed through."),
    finish("Oxblood leather", 110, "Vegetable-tanned leather, dyed a deep red that is nearly brown."),
];

const ENAMELS: &[Finish; 5] = &[
    finish("Cream", 100, "Two coats of cream enamel with a dark rim, where the steel is left bare."),
    finish("Red", 105, "Signal red enamel, fired twice. You will not lose it."),
    finish("Green", 105, "Bottle-green enamel, fired twice. It looks as if it had always been there."),
    finish("Blue", 105, "Navy-blue enamel with a fine white speckle, fired twice."),
    finish("Graphite", 110, "Dark grey enamel, matt outside and glossy within."),
];

const fn kind(
    category: &'static str,
    name: &'static str,
    cents: i32,
    finishes: &'static [Finish; 5],
    summary: &'static str,
    details: &'static str,
) -> Kind {
    Kind { category, name, cents, finishes, summary, details }
}

#[rustfmt::skip] // a table
pub(super) const RANGE: &[Kind; 40] = &[
    kind("Kitchen", "chopping board", 3400, WOODS,
        "A thick board, cut from one plank, with a groove for the juice.",
        "40 × 26 cm and 3 cm thick, heavy enough to stay where it is. Both sides are flat, so that it lasts twice as \
         long; when it is cut up, send it to us and we plane it."),
    kind("Kitchen", "stoneware bowl", 2200, GLAZES,
        "A deep bowl for soup, noodles or the first cherries.",
        "Thrown by hand, 16 cm across, with a foot that is easy to hold when it is hot. Oven, dishwasher and \
         microwave are all the same to it."),
    kind("Kitchen", "linen apron", 4800, CLOTHS,
        "A wide apron with crossed straps that never pull at the neck.",
        "Washed linen of 280 g, one deep pocket, no buckles. The straps cross at the back and slide through two sewn \
         loops; one size fits nearly everyone."),
    kind("Kitchen", "casserole", 7900, ENAMELS,
        "A heavy pot with a lid, for the stove, the oven and the table.",
        "Holds four litres, which is a stew for six. The lid has three rings inside that let the steam drip back; its \
         knob unscrews, because knobs are what breaks first."),
    kind("Kitchen", "enamel mug", 1250, ENAMELS,
        "A light mug for the garden, the workshop and the train.",
        "Holds 350 ml. Steel under glass: it chips if you throw it, and it does not break. Not for the microwave."),

    kind("Desk", "desk tray", 2900, WOODS,
        "A shallow tray that keeps pens, keys and coins in one place.",
        "28 × 12 cm, milled from the solid, with rounded corners that a finger can clean. Three of them stack."),
    kind("Desk", "ruler", 1800, METALS,
        "Thirty centimetres, engraved rather than printed.",
        "The marks are cut into the metal and filled with black, so that they outlast every printed one. The edge is \
         bevelled for ink."),
    kind("Desk", "notebook cover", 5600, LEATHERS,
        "A cover for an A5 notebook that outlives the notebooks.",
        "One piece of leather, folded and sewn by hand with linen thread. It takes any A5 notebook of up to 200 \
         pages and has a slot for a pen."),
    kind("Desk", "letter opener", 2100, METALS,
        "A blunt blade that opens letters and nothing else.",
        "18 cm long and balanced so that it points down when you let go. It is pressed, ground and tumbled, without \
         a joint that could work loose."),
    kind("Desk", "bookend", 1950, WOODS,
        "A solid wedge on a steel foot that holds a metre of books.",
        "The foot slides under the books, whose weight holds it down. 14 cm high; the underside is cork."),

    kind("Workshop", "hammer", 3900, WOODS,
        "A joiner’s hammer of 400 g with a handle that can be replaced.",
        "The head is forged and ground, the handle is split along the grain rather than sawn. It is held by two \
         wedges: knock them out when the handle has had enough, and put in a new one."),
    kind("Workshop", "plumb bob", 2900, METALS,
        "A weight on a string: the most honest tool there is.",
        "250 g, turned on a lathe, with a hardened steel tip and four metres of braided line on a reel. The tip \
         unscrews when it is worn."),
    kind("Workshop", "tool roll", 8900, LEATHERS,
        "Twelve pockets for chisels, brushes or kitchen knives.",
        "Leather of 2.5 mm, sewn with waxed thread and riveted where it matters. Open it is 60 × 36 cm, rolled it is \
         as thick as an arm."),
    kind("Workshop", "bench hook", 2700, WOODS,
        "Holds the work still while you saw.",
        "25 × 15 cm, for the left hand or the right. The fence is held by two pegs, so that you can replace it when \
         it has been sawn through."),
    kind("Workshop", "canvas apron", 6400, CLOTHS,
        "A stiff apron that becomes soft long before it becomes thin.",
        "Cotton canvas of 500 g with leather at the corners of the pockets. The neck strap is wide; the pencil \
         pocket is where the hand expects it."),

    kind("Garden", "dibber", 1600, WOODS,
        "Makes holes of the right depth for bulbs, beans and leeks.",
        "Turned in one piece with a ring every two centimetres. The point is left thick, so that stones do not split \
         it."),
    kind("Garden", "plant labels", 1500, METALS,
        "Twelve labels that can be written on, read and written on again.",
        "Strips of 15 cm with a point at one end. Write with a soft pencil: it stays through the winter and comes \
         off with an eraser."),
    kind("Garden", "watering can", 4200, ENAMELS,
        "Five litres, a long neck and a rose that comes off.",
        "The handle runs from front to back, so that the can tips by itself. The brass rose points upwards for \
         seedlings and unscrews for cleaning."),
    kind("Garden", "stoneware planter", 3800, GLAZES,
        "A planter with a saucer, for herbs on the window sill.",
        "18 cm across, unglazed inside so that the roots can breathe. The frost does it no harm if the saucer is \
         empty."),
    kind("Garden", "kneeling pad", 3300, CLOTHS,
        "A thick pad of felt and canvas for an afternoon among the weeds.",
        "45 × 25 cm of wool felt in a waxed canvas cover that comes off for washing. The loop is for the hook by the \
         back door."),

    kind("Lighting", "desk lamp", 12900, ENAMELS,
        "An arm, a shade and a switch, each of which can be replaced.",
        "The arm moves in two joints that you tighten with a coin. It takes any E14 bulb; the cable is two metres \
         long and covered in cotton."),
    kind("Lighting", "pendant shade", 9800, METALS,
        "A spun shade for the table, bright below and dark above.",
        "Spun from one disc, 32 cm across, without a seam. It comes with two metres of cable and a ceiling rose; an \
         electrician is not included."),
    kind("Lighting", "candlestick", 3600, METALS,
        "A heavy foot, a plain stem and a cup for the wax.",
        "For candles of 22 mm. The cup lifts out: put it in the freezer for an hour and the wax falls out by itself."),
    kind("Lighting", "stoneware lamp", 11000, GLAZES,
        "A round base that glows a little when the lamp is lit.",
        "Thrown by hand, 24 cm high, with a linen shade. Every part comes apart with a screwdriver."),
    kind("Lighting", "floor lamp", 24000, WOODS,
        "Three legs, a linen shade, and light to read by.",
        "145 cm high. The legs fold for moving house; the shade is sewn onto a ring and can be washed. Takes one E27 \
         bulb."),

    kind("Linen", "tea towel", 1500, CLOTHS,
        "Half linen, half cotton: it dries glasses without a streak.",
        "50 × 70 cm with a loop at the middle of the long side and one at the corner. Softer after every wash, for \
         about ten years."),
    kind("Linen", "napkins", 3200, CLOTHS,
        "Four napkins with hemmed corners, large enough for a lap.",
        "45 × 45 cm, pure linen of 180 g, mitred by hand. No ironing: pull them straight while they are damp."),
    kind("Linen", "tablecloth", 7800, CLOTHS,
        "A washed linen cloth for six, creases included.",
        "150 × 250 cm, woven in one width so that there is no seam. It hides the table that you have and suits the \
         one that you want."),
    kind("Linen", "cushion cover", 4400, CLOTHS,
        "A heavy cover with a flap instead of a zip.",
        "50 × 50 cm, linen of 350 g. A flap holds the cushion, as with a good pillowcase; there is nothing to \
         scratch and nothing to jam."),
    kind("Linen", "wool blanket", 14500, CLOTHS,
        "A blanket of new wool, woven close and brushed on both sides.",
        "140 × 200 cm and 1.4 kg. It needs air far more often than washing: hang it out on a damp night."),

    kind("Travel", "luggage tag", 1900, LEATHERS,
        "Your name under a flap, where only the curious read it.",
        "A strap, a window and a flap, cut in one piece. We emboss up to three letters at no charge; write them into \
         the order."),
    kind("Travel", "wash bag", 3900, CLOTHS,
        "A waxed bag that stands open on the edge of a basin.",
        "24 × 14 cm, waxed cotton with a wire in the rim. The lining comes out and goes into the machine with the \
         towels."),
    kind("Travel", "passport sleeve", 4200, LEATHERS,
        "A passport, two cards, a boarding pass, and nothing more.",
        "Two pieces of leather and one seam, thin enough for a shirt pocket. The inside is left rough so that \
         nothing slips out."),
    kind("Travel", "flask cup", 1700, ENAMELS,
        "A cup that sits on the neck of a flask and folds its handle.",
        "Holds 250 ml. The wire handle folds around it, and the rim is rolled so that it does not burn the lip."),
    kind("Travel", "weekend bag", 16500, CLOTHS,
        "Two days of clothes, one pair of shoes, and no wheels.",
        "52 × 30 × 26 cm of canvas of 600 g, with leather handles and a shoulder strap. The buckles are solid and \
         riveted, so that a saddler can replace them."),

    kind("Storage", "keepsake box", 5200, WOODS,
        "A box with a lid that closes on air.",
        "22 × 16 × 9 cm, dovetailed. The lid fits so closely that it sinks slowly as the air leaves, which is most \
         of the pleasure."),
    kind("Storage", "wall hook", 1300, METALS,
        "One hook, two screws, twenty kilograms.",
        "Bent from 8 mm rod with a rounded end that is kind to collars. The screws are included and match."),
    kind("Storage", "bread bin", 6800, ENAMELS,
        "Keeps a loaf for five days, with a board for a lid.",
        "34 × 22 × 18 cm. Four holes in the back let the bread breathe; turn the beech lid over and it is a bread \
         board."),
    kind("Storage", "stoneware jar", 3100, GLAZES,
        "A jar with a cork lid for coffee, flour or dog biscuits.",
        "Holds 1.2 litres. The cork is turned from one piece; a new one costs three euros and comes in a letter."),
    kind("Storage", "peg rail", 4700, WOODS,
        "Five pegs on a rail for coats, bags and Tuesday’s hat.",
        "80 cm long, with pegs that are glued and wedged. The screws hide behind the two outer pegs, which pull out."),
];
