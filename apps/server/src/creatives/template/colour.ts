const NAMES = new Set(
  `transparent aliceblue antiquewhite aqua aquamarine azure beige bisque black blanchedalmond blue blueviolet brown burlywood
  cadetblue chartreuse chocolate coral cornflowerblue cornsilk crimson cyan darkblue darkcyan darkgoldenrod darkgray darkgreen
  darkgrey darkkhaki darkmagenta darkolivegreen darkorange darkorchid darkred darksalmon darkseagreen darkslateblue darkslategray
  darkslategrey darkturquoise darkviolet deeppink deepskyblue dimgray dimgrey dodgerblue firebrick floralwhite forestgreen fuchsia
  gainsboro ghostwhite gold goldenrod gray green greenyellow grey honeydew hotpink indianred indigo ivory khaki lavender
  lavenderblush lawngreen lemonchiffon lightblue lightcoral lightcyan lightgoldenrodyellow lightgray lightgreen lightgrey lightpink
  lightsalmon lightseagreen lightskyblue lightslategray lightslategrey lightsteelblue lightyellow lime limegreen linen magenta
  maroon mediumaquamarine mediumblue mediumorchid mediumpurple mediumseagreen mediumslateblue mediumspringgreen mediumturquoise
  mediumvioletred midnightblue mintcream mistyrose moccasin navajowhite navy oldlace olive olivedrab orange orangered orchid
  palegoldenrod palegreen paleturquoise palevioletred papayawhip peachpuff peru pink plum powderblue purple rebeccapurple red
  rosybrown royalblue saddlebrown salmon sandybrown seagreen seashell sienna silver skyblue slateblue slategray slategrey snow
  springgreen steelblue tan teal thistle tomato turquoise violet wheat white whitesmoke yellow yellowgreen`.split(/\s+/),
);
const HEX = /^#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})$/;
const NUMBER = '(?:\\d{1,3}(?:\\.\\d{1,4})?|\\.\\d{1,4})';
const FUNCTION = new RegExp(
  `^(?:rgb|hsl)a?\\( ?${NUMBER}(?:%|deg)?(?:(?: ?, ?${NUMBER}%?){2}(?: ?, ?${NUMBER}%?)?|(?: ${NUMBER}%?){2}(?: ?/ ?${NUMBER}%?)?) ?\\)$`,
);

/** The CSS colour that the text names: a name, #hex, rgb() or hsl(). Undefined for everything else that CSS would take or not. */
export function cssColour(text: string): string | undefined {
  const colour = text.trim().toLowerCase().replace(/\s+/g, ' ');
  return colour.length <= 64 && (NAMES.has(colour) || HEX.test(colour) || FUNCTION.test(colour)) ? colour : undefined;
}
